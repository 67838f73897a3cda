from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.broker import Step
from tests.verbs.store import BAND, CLAIMER, ERROR, NEWER_BODY, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verbs.store import Store


def test_the_job_is_leased_to_the_claimer(store: Store) -> None:
    store.add("a")
    job = store.claim()
    assert job is not None
    assert (job.id, job.body, job.failures, job.attempt, job.note) == ("a", new_job("a").body, 0, 1, "")
    assert store.homes("a") == ["leases"]
    assert store.score("a", "leases") == pytest.approx((time.time() + 30) * 1000, abs=10_000)
    state = store.state("a")
    assert (state.word, state.queue, state.token, state.claimer) == ("running", "default", job.token, CLAIMER)
    assert int(state.score) == 5 * BAND + 1


def test_nothing_to_claim(store: Store) -> None:
    with store.unchanged():
        assert store.claim() is None
        named = {"claimer": "w/1", "request": "1.1", "lease": 1, "woken": 0, "least": 0, "lanes": "a b"}
        assert store.call("claim", **named) == ["EMPTY", b""]


def test_only_the_queues_named(store: Store) -> None:
    store.add("a", queue="night")
    assert store.claim("default", "day") is None
    assert store.drain("day", "night") == ["a"]


def test_only_what_is_ready(store: Store) -> None:
    store.add("scheduled", delay=10)
    store.add("blocked", after=("scheduled",))
    store.ended("retrying", verbs.retry(10, ERROR))
    store.advance(60)
    assert store.claim() is None


# ---- the order of service ------------------------------------------------------------------------


def test_the_larger_priority_first(store: Store) -> None:
    for priority in (0, 5, 10, 1, 9):
        store.add(f"priority-{priority}", priority=priority)
    assert store.drain() == ["priority-10", "priority-9", "priority-5", "priority-1", "priority-0"]


def test_first_in_first_out_within_a_priority(store: Store) -> None:
    store.add("b", "c")
    store.add("a")
    assert store.drain() == ["b", "c", "a"]


def test_priority_counts_more_than_the_order_of_the_queues(store: Store) -> None:
    store.add("day", queue="day")
    store.add("night", queue="night", priority=6)
    assert store.drain("day", "night") == ["night", "day"]


def test_a_tie_goes_to_the_queue_named_first(store: Store) -> None:
    store.add("day", queue="day")
    store.add("night", queue="night")
    assert store.drain("night", "day") == ["night", "day"]


def test_the_order_is_exact_for_any_mixture(store: Store) -> None:
    chance = random.Random(7)
    jobs = [(chance.randint(0, 10), chance.choice("xyz"), number) for number in range(120)]
    store.broker.enqueue(
        [new_job(f"job-{number:03}", queue=queue, priority=priority) for priority, queue, number in jobs]
    )
    jobs.sort(key=lambda job: (-job[0], "yzx".index(job[1]), job[2]))
    assert store.drain("y", "z", "x") == [f"job-{number:03}" for _, _, number in jobs]


def _released(store: Store) -> None:
    assert store.claim() is not None
    store.broker.release(CLAIMER, store.request())


def _crashed(store: Store) -> None:
    assert store.claim() is not None
    store.broker.crash(CLAIMER, store.request(), {"signal": 9})


def _lost(store: Store) -> None:
    assert store.claim() is not None
    store.expire()


def _moved_away_and_back(store: Store) -> None:
    store.broker.reprioritize("first", 1)
    store.broker.reprioritize("first", 5)


@pytest.mark.parametrize("disturb", [_released, _crashed, _lost, _moved_away_and_back])
def test_a_job_that_comes_back_is_first_again(store: Store, disturb: Callable[[Store], None]) -> None:
    store.add("first", "second")
    disturb(store)
    store.add("third")
    assert store.drain() == ["first", "second", "third"]


def _revived(store: Store) -> None:
    store.broker.cancel("first", store.request())
    store.broker.revive("first", store.request())


def _retried(store: Store) -> None:
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.retry(10, ERROR))
    store.advance(10)
    store.broker.promote(["default"])


def _crashed_twice(store: Store) -> None:
    for _ in range(2):
        _crashed(store)
    store.advance(10)
    store.broker.promote(["default"])


@pytest.mark.parametrize("disturb", [_revived, _retried, _crashed_twice])
def test_a_job_that_begins_anew_is_last(store: Store, disturb: Callable[[Store], None]) -> None:
    store.add("first", "second")
    disturb(store)
    store.add("third")
    assert store.drain() == ["second", "first", "third"]


# ---- the token -----------------------------------------------------------------------------------


def test_the_token_is_the_servers_time(store: Store) -> None:
    job = store.running()
    assert int(job.token) / 1e6 == pytest.approx(time.time(), abs=10)


def test_the_token_grows_with_every_claim_also_when_the_clock_is_set_back(store: Store) -> None:
    tokens = [int(store.running("a").token)]
    for job_id, seconds in (("b", 3600), ("c", -7200), ("d", 0)):
        store.advance(seconds)
        tokens.append(int(store.running(job_id, queue=job_id).token))
    assert tokens == sorted(set(tokens))
    assert tokens[2:] == [tokens[1] + 1, tokens[1] + 2]


# ---- a claimer holds one lease -------------------------------------------------------------------


def test_claimers_do_not_disturb_each_other(store: Store) -> None:
    store.add("a", "b")
    assert store.drain() == ["a", "b"]
    assert sorted(store.line("leases")) == ["a", "b"]


def test_a_new_request_gives_back_what_the_claimer_holds(store: Store) -> None:
    store.add("a", "b")
    first, again = store.claim(), store.claim()
    assert first is not None
    assert again is not None
    assert (again.id, again.failures) == ("a", 0)
    assert int(again.token) > int(first.token)
    assert store.events("a") == ["released"]
    assert store.homes("b") == ["ready"]


def test_a_job_held_and_to_be_cancelled_is_cancelled_by_the_next_claim(store: Store) -> None:
    store.running("a")
    store.broker.cancel("a", "person")
    store.add("b")
    job = store.claim()
    assert job is not None
    assert job.id == "b"
    assert store.homes("a") == ["cancelled"]


def test_an_ended_job_is_not_given_back(store: Store) -> None:
    store.broker.end(store.running("a"), verbs.succeed(b""))
    with store.unchanged():
        assert store.claim() is None


# ---- the same request again ----------------------------------------------------------------------


def test_the_same_request_gets_the_same_job_and_a_whole_lease(store: Store) -> None:
    store.add("a", "b")
    first = store.broker.claim("w/1", "1.1", ["default"])
    before = store.score("a", "leases")
    store.advance(20)
    assert store.broker.claim("w/1", "1.1", ["default"]) == first
    assert store.score("a", "leases") >= before + 20_000
    assert store.homes("b") == ["ready"]


def test_a_pause_does_not_take_back_what_was_given(store: Store) -> None:
    store.add("a")
    first = store.broker.claim("w/1", "1.1", ["default"])
    store.broker.pause()
    assert store.broker.claim("w/1", "1.1", ["default"]) == first


def test_a_lease_that_was_reaped_is_not_given_again(store: Store) -> None:
    store.add("a", "b")
    store.broker.claim("w/1", "1.1", ["default"])
    store.expire()
    other = store.claim(claimer="w/2")
    assert other is not None
    assert other.id == "a"
    replayed = store.broker.claim("w/1", "1.1", ["default"])
    assert replayed is not None
    assert replayed.id == "b"
    assert store.state("a").token == other.token


def test_empty_is_not_kept(store: Store) -> None:
    assert store.broker.claim("w/1", "1.1", ["default"]) is None
    store.add("a")
    job = store.broker.claim("w/1", "1.1", ["default"])
    assert job is not None
    assert job.id == "a"


# ---- what may not run ----------------------------------------------------------------------------


def test_a_paused_queue_gives_nothing(store: Store) -> None:
    store.add("a", priority=10)
    store.add("b", queue="night")
    store.broker.pause(["default"])
    assert store.drain("default", "night") == ["b"]
    assert store.homes("a") == ["ready"]


def test_a_job_that_has_expired_is_cancelled(store: Store) -> None:
    store.add("a", expires=60)
    store.add("b")
    store.advance(60)
    assert store.drain() == ["b"]
    assert store.homes("a") == ["cancelled"]
    assert store.state("a").note == "expired"


def test_a_job_may_start_until_it_expires(store: Store) -> None:
    store.add("a", expires=60)
    store.advance(50)
    assert store.drain() == ["a"]


def test_a_retry_that_comes_after_the_expiry_is_cancelled(store: Store) -> None:
    store.ended("a", verbs.retry(10, ERROR), expires=60)
    store.advance(60)
    store.broker.promote(["default"])
    assert store.claim() is None
    assert (store.homes("a"), store.state("a").note) == (["cancelled"], "expired")


def test_the_children_of_an_expired_job_are_told(store: Store) -> None:
    store.add("a", expires=60)
    store.add("child", after=("a",))
    store.advance(60)
    store.claim()
    assert store.line("ended") == ["a"]
    assert "alarm" in store.rung()


def test_a_newer_schema_is_left_alone_and_closes_its_queue(store: Store) -> None:
    store.add("newer", "b")
    store.damage("newer", NEWER_BODY)
    store.add("c", queue="night", priority=1)
    with store.unchanged():
        assert store.claim("night", "default") is None
        step = store.broker.step("w/1", "1.1", ["night", "default"])
    assert (step.jobs, step.newer) == ([], "default")
    assert store.drain("night") == ["c"]


def test_a_ring_for_a_newer_schema_is_passed_on(store: Store) -> None:
    store.add("newer")
    store.damage("newer", NEWER_BODY)
    store.hush()
    assert store.claim(woken=True) is None
    assert store.rung() == {"default"}


def test_a_newer_schema_that_has_expired_is_left_alone_too(store: Store) -> None:
    store.add("newer")
    store.damage("newer", b"3default|5|1000|1\nlater")
    with store.unchanged():
        assert store.claim() is None


@pytest.mark.parametrize("body", [b"junk", b"", b"1default|five\n", b"1default|5", b"\xff|5\x00"])
def test_a_job_that_cannot_be_read_fails_and_the_next_is_given(store: Store, body: bytes) -> None:
    store.add("damaged", "b")
    store.damage("damaged", body)
    assert store.drain() == ["b"]
    assert store.homes("damaged") == ["failed"]
    assert store.state("damaged").note == "corrupt_record"
    assert store.admin.hget(store.keys.bodies, "damaged") == body


def test_an_id_without_a_body_is_removed(store: Store) -> None:
    store.add("b")
    store.admin.zadd(store.keys.queue("default", "ready"), {"ghost": 0})
    assert store.drain() == ["b"]
    assert store.homes("ghost") == []


def test_an_id_in_a_wrong_home_is_removed_there(store: Store) -> None:
    store.running("runs", claimer="w/2")
    store.ended("done", verbs.succeed(b""))
    store.add("b")
    store.admin.zadd(store.keys.queue("default", "ready"), {"runs": 0, "done": 1})
    assert store.drain() == ["b"]
    assert store.homes("runs") == ["leases"]
    assert store.homes("done") == ["succeeded"]


def test_many_unfit_heads_are_left_to_the_next_claim(store: Store) -> None:
    store.add(*(f"expired-{number}" for number in range(15)), expires=10)
    store.add("b")
    store.advance(10)
    store.hush()
    assert store.claim() is None
    assert len(store.line()) == 6
    assert store.rung() == {"default"}
    assert store.drain() == ["b"]


# ---- the bell ------------------------------------------------------------------------------------


def test_who_got_a_job_after_a_ring_passes_the_ring_on_for_what_is_left(store: Store) -> None:
    store.add("a", "b")
    store.add("c", queue="night")
    store.hush()
    assert store.claim("default", "night", woken=True) is not None
    assert store.rung() == {"default", "night"}


def test_nothing_left_no_ring(store: Store) -> None:
    store.add("a")
    store.add("elsewhere", queue="night")
    store.hush()
    assert store.claim(woken=True) is not None
    assert store.rung() == set()


def test_a_claim_without_a_ring_passes_nothing_on(store: Store) -> None:
    store.add("a", "b")
    store.hush()
    assert store.claim() is not None
    assert store.rung() == set()


def test_a_paused_queue_is_not_rung_for(store: Store) -> None:
    store.add("a", "b")
    store.add("c", queue="night")
    store.broker.pause(["night"])
    store.hush()
    assert store.claim("default", "night", woken=True) is not None
    assert store.rung() == {"default"}


@pytest.mark.parametrize("woken", [True, False])
def test_who_got_nothing_never_rings(store: Store, woken: bool) -> None:
    store.add("a", delay=10)
    store.add("b", queue="night")
    store.broker.pause(["night"])
    store.hush()
    assert store.claim("default", "night", woken=woken) is None
    assert store.rung() == set()


# ---- no lower priority than ----------------------------------------------------------------------


def test_only_what_is_urgent_enough_is_taken(store: Store) -> None:
    store.add("low", priority=8)
    store.add("urgent", queue="night", priority=9)
    store.add("most", queue="night", priority=10)
    taken = [store.claim("default", "night", claimer=f"w/{number}", least=9) for number in range(3)]
    assert [job and job.id for job in taken] == ["most", "urgent", None]
    assert store.drain("default", "night") == ["low"]


def test_a_step_takes_no_less_either(store: Store) -> None:
    job = store.running("a")
    store.add("low", priority=8)
    step = store.broker.step("w/1", store.request(), ["default"], [(job, verbs.succeed(b""))], least=9)
    assert step == Step(["OK"], [])
    assert store.homes("low") == ["ready"]


def test_who_may_not_take_what_is_left_passes_the_ring_on(store: Store) -> None:
    store.add("low", priority=8)
    store.hush()
    assert store.claim(woken=True, least=9) is None
    assert store.rung() == {"default"}
