"""Jobs that are claimed together: which they are, and how each of them comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.job import Claimed
from junmai_jobs.lanes import lane_of
from tests.verbs.store import CLAIMER, ERROR, NEWER_BODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verbs.store import Store

QUEUES = ["default"]
DONE = verbs.succeed(b"")
KILLED = {"signal": "SIGKILL"}
LATER = 600.0
EXPIRED = 60.0


def ids(jobs: list[Claimed]) -> list[str]:
    return [job.id for job in jobs]


@pytest.fixture
def three(store: Store) -> list[Claimed]:
    """Three jobs that one claimer has claimed together, and a fourth that waits."""
    store.broker.register("w", {"pid": 7})
    store.add("a", "b", "c", "d")
    jobs = store.claim_ahead(3)
    assert ids(jobs) == ["a", "b", "c"]
    store.hush()
    return jobs


# Which.


def test_at_most_so_many_in_their_order_each_with_a_token_of_its_own(store: Store) -> None:
    store.add("later", priority=1)
    store.add("a", "b", "c", "d")
    store.add("first", priority=9)
    assert ids(store.claim_ahead(3)) == ["first"]
    jobs = store.claim_ahead(3, claimer="w/2")
    assert ids(jobs) == ["a", "b", "c"]
    assert [(job.failures, job.holds, job.note) for job in jobs] == [(0, "", "")] * 3
    tokens = [int(job.token) for job in jobs]
    assert tokens == sorted(set(tokens))
    assert [store.state(job.id).token for job in jobs] == [job.token for job in jobs]
    assert set(store.line("leases")) == {"first", "a", "b", "c"}
    (last,) = store.claim_ahead(3, claimer="w/3")
    assert (last.id, int(last.token) > tokens[-1]) == ("d", True)


def test_only_of_one_queue_also_where_another_is_next(store: Store) -> None:
    store.add("a", queue="night")
    store.add("b")
    store.add("c", queue="night")
    step = store.broker.step(CLAIMER, "1.1", ["night", "default"], ahead=9)
    assert ids(step.jobs) == ["a", "c"]


def test_no_more_than_one_unless_asked_for(store: Store) -> None:
    store.add("a", "b")
    assert ids(store.claim_ahead(1)) == ["a"]
    assert store.state("a").note == ""


def has_run(store: Store) -> None:
    store.add("other")
    store.broker.cancel("other", "person.1")
    store.broker.revive("other", "person.2")


def has_a_limit(store: Store) -> None:
    store.add("other", extras={"c": "folder,2"})


def has_expired(store: Store) -> None:
    store.add("other", expires=EXPIRED)
    store.advance(LATER)


def is_damaged(store: Store) -> None:
    store.add("other")
    store.damage("other")


def is_newer(store: Store) -> None:
    store.add("other")
    store.damage("other", NEWER_BODY)


def has_no_body(store: Store) -> None:
    store.add("other")
    store.admin.hdel(store.keys.bodies, "other")


def has_an_id_of_no_job(store: Store) -> None:
    store.admin.zadd(store.keys.queue("default", "ready"), {"other\n": store.score("a") + 0.5})


OTHERS = [has_run, has_a_limit, has_expired, is_damaged, is_newer, has_no_body, has_an_id_of_no_job]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.__name__)
def test_the_first_of_another_kind_ends_the_row(store: Store, other: Callable[[Store], None]) -> None:
    store.add("a", "b")
    other(store)
    store.add("c")
    expected = ["a"] if other is has_an_id_of_no_job else ["a", "b"]
    assert ids(store.claim_ahead(9)) == expected
    assert "c" in store.line()
    # What stops a queue is no part of what the laws allow to stay.
    for job_id in ("other", "other\n"):
        store.admin.zrem(store.keys.queue("default", "ready"), job_id)
        store.admin.hdel(store.keys.bodies, job_id)
        store.admin.hdel(store.keys.states, job_id)


@pytest.mark.parametrize("other", [has_run, has_a_limit], ids=lambda other: other.__name__)
def test_the_first_of_another_kind_is_claimed_alone(store: Store, other: Callable[[Store], None]) -> None:
    other(store)
    store.add("a", "b")
    assert ids(store.claim_ahead(9)) == ["other"]
    assert store.state("other").note == ""


def test_what_needs_a_machine_is_claimed_alone(store: Store) -> None:
    needs = {"gpu": 1.0}
    store.broker.register("w", {"offers": [{"pool": "card", "gpu": 4}]})
    store.add("a", "b", needs=needs)
    step = store.broker.step(CLAIMER, "1.1", ["default", lane_of("default", needs)], ahead=9)
    assert ids(step.jobs) == ["a"]


def test_of_a_paused_queue_none_is_claimed(store: Store) -> None:
    store.add("a", "b")
    store.broker.pause(["default"])
    assert store.claim_ahead(2) == []


# Asked again.


def test_the_same_request_again_gets_the_same_jobs_also_in_a_pause(store: Store) -> None:
    store.add("a", "b", "c")
    first = store.broker.step(CLAIMER, "1.1", QUEUES, ahead=2)
    store.broker.pause()
    store.advance(10)
    before = store.score("b", "leases")
    assert store.broker.step(CLAIMER, "1.1", QUEUES, ahead=2) == first
    assert store.score("b", "leases") >= before + 10_000


def test_asked_again_after_a_checkpoint_it_is_not_told_that_they_were_claimed_ahead(store: Store) -> None:
    store.add("a", "b")
    first = store.broker.step(CLAIMER, "1.1", QUEUES, ahead=2)
    store.broker.checkpoint(first.jobs[1], b"half")
    again = store.broker.step(CLAIMER, "1.1", QUEUES, ahead=2)
    assert [(job.id, job.note) for job in again.jobs] == [("a", ""), ("b", "")]


def test_asked_again_it_gets_those_that_are_its_still(store: Store) -> None:
    store.add("a", "b", "c")
    first, second, third = store.broker.step(CLAIMER, "1.1", QUEUES, ahead=3).jobs
    store.broker.end(first, DONE)
    assert store.broker.step(CLAIMER, "1.1", QUEUES, ahead=3).jobs == [second, third]


def test_a_later_request_has_forgotten_them_all(store: Store, three: list[Claimed]) -> None:
    again = store.claim_ahead(3)
    assert ids(again) == ["a"]
    assert int(again[0].token) > int(three[-1].token)
    assert store.line() == ["b", "c", "d"]
    assert [store.events(each) for each in "abc"] == [["released"]] * 3


def test_a_late_copy_of_the_step_that_ended_them_takes_nothing(store: Store, three: list[Claimed]) -> None:
    ended = [(job, DONE) for job in three]
    step = store.broker.step(CLAIMER, "1.50", QUEUES, ended)
    assert (step.endings, ids(step.jobs)) == (["OK"] * 3, ["d"])
    with store.unchanged():
        again = store.broker.step(CLAIMER, "1.40", QUEUES, ended, ahead=3)
    assert (again.endings, again.jobs) == (["OK"] * 3, [])


def test_what_is_held_and_not_ended_is_forgotten(store: Store, three: list[Claimed]) -> None:
    step = store.broker.step(CLAIMER, "1.50", QUEUES, [(three[0], DONE)], ahead=3)
    assert (step.endings, ids(step.jobs)) == (["OK"], ["b"])
    assert int(step.jobs[0].token) > int(three[2].token)
    assert (store.line(), store.line("leases")) == (["c", "d"], ["b"])


def test_of_several_that_ended_those_that_did_not_are_forgotten(store: Store, three: list[Claimed]) -> None:
    step = store.broker.step(CLAIMER, "1.50", QUEUES, [(job, DONE) for job in three[:2]], ahead=3)
    assert (step.endings, ids(step.jobs)) == (["OK", "OK"], ["c"])
    assert (store.line(), store.line("leases")) == (["d"], ["c"])


def nothing(_store: Store) -> None: ...


def one_is_to_be_cancelled(store: Store) -> None:
    store.broker.cancel("b", "person")


def one_was_ended_before(store: Store) -> None:
    store.broker.end(Claimed("c", store.state("c").token, b""), DONE)


def one_was_lost(store: Store) -> None:
    store.broker.end(Claimed("b", store.state("b").token, b""), verbs.step_aside())


MEANWHILE = [nothing, one_is_to_be_cancelled, one_was_ended_before, one_was_lost]


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda each: each.__name__)
def test_ended_together_they_are_as_if_one_by_one(
    stores: list[Store], meanwhile: Callable[[Store], None]
) -> None:
    """Where somebody listens to events they are ended one by one."""
    told = []
    for store, listened in zip(stores, (False, True), strict=True):
        if listened:
            store.admin.hset(store.keys.meta, "listened", 10**13)
        store.add("a", "b", "c", "d")
        jobs = store.claim_ahead(3)
        meanwhile(store)
        hows = [DONE, verbs.succeed(b"\x01"), verbs.succeed(b"\x02", 60)]
        ended = list(zip(jobs, hows, strict=True))
        told.append(store.broker.step(CLAIMER, "1.50", QUEUES, ended, ahead=2))
        store.admin.hdel(store.keys.meta, "listened")
        store.admin.delete(store.keys.event_stream)
    together, one_by_one = (store.dump() for store in stores)
    assert together == one_by_one
    assert len({(*step.endings, *ids(step.jobs)) for step in told}) == 1


def test_lost_runs_do_not_end_the_next_one_of_their_claimer(store: Store, three: list[Claimed]) -> None:
    store.expire()
    assert ids(store.claim_ahead(3)) == ["a"]
    step = store.broker.step(CLAIMER, "1.50", [], [(three[0], DONE)] * 2)
    assert step.endings == ["LOST", "LOST"]
    assert store.homes("a") == ["leases"]


# While they are held.


def test_all_are_renewed(store: Store, three: list[Claimed]) -> None:
    store.advance(20)
    assert store.broker.extend("w", [CLAIMER]) == dict.fromkeys([job.token for job in three], "HELD")
    assert len({store.score(job.id, "leases") for job in three}) == 1
    assert store.score("c", "leases") >= int(three[0].token) // 1000 + 50_000


def test_only_those_that_stand_are_renewed(store: Store, three: list[Claimed]) -> None:
    first, second, third = three
    store.broker.end(first, DONE)
    store.broker.cancel("c", "person")
    assert store.broker.extend("w", [CLAIMER]) == {second.token: "HELD", third.token: "CANCEL"}


def test_one_that_waits_and_is_cancelled_is_so_when_it_is_given_back(
    store: Store, three: list[Claimed]
) -> None:
    assert not store.broker.cancel("c", "person")
    ended = [(three[0], DONE), (three[1], verbs.step_aside()), (three[2], verbs.step_aside())]
    assert store.broker.step(CLAIMER, "1.50", [], ended).endings == ["OK", "OK", "CANCELLED"]
    assert (store.homes("b"), store.homes("c")) == (["ready"], ["cancelled"])


def test_what_was_given_back_is_first_again_and_claimed_alone(store: Store, three: list[Claimed]) -> None:
    before = store.state("b").score
    store.broker.step(CLAIMER, "1.50", [], [(job, verbs.step_aside()) for job in three[1:]])
    assert (store.line(), store.state("b").score) == (["b", "c", "d"], before)
    assert ids(store.claim_ahead(9, claimer="w/2")) == ["b"]
    assert (store.state("b").note, store.state("b").crashes) == ("", 0)


@pytest.mark.parametrize("how", [verbs.retry(10, ERROR), verbs.defer(10, "why")], ids=lambda how: how.verb)
def test_that_it_was_claimed_ahead_is_not_told_to_its_next_run(
    store: Store, three: list[Claimed], how: verbs.Ending
) -> None:
    store.broker.end(three[0], how)
    assert store.state("a").note == ("why" if how.verb == "defer" else "")


# Given back by others than the claimer.


def test_what_is_behind_a_run_goes_back(store: Store, three: list[Claimed]) -> None:
    first, second, third = three
    assert store.broker.release(CLAIMER, "", behind=int(second.token)) is None
    assert store.homes("b") == ["leases"]
    assert store.line() == ["c", "d"]
    assert (store.events("c"), store.rung()) == (["released"], {"default"})
    assert store.broker.extend("w", [CLAIMER]) == {first.token: "HELD", second.token: "HELD"}
    ended = [(first, DONE), (second, DONE), (third, verbs.step_aside())]
    assert store.broker.step(CLAIMER, "1.50", [], ended).endings == ["OK", "OK", "LOST"]


def test_the_others_of_a_run_that_is_over_stay(store: Store, three: list[Claimed]) -> None:
    """Who asks for it is late: the next one may run by now."""
    store.broker.end(three[0], DONE)
    with store.unchanged():
        assert store.broker.release(CLAIMER, "", behind=int(three[0].token)) is None
        assert store.broker.release("w/unknown", "", behind=int(three[1].token)) is None


def test_all_go_back_when_their_process_stops(store: Store, three: list[Claimed]) -> None:
    store.broker.end(three[0], DONE)
    assert store.broker.release(CLAIMER, "1.end") == ("b", "ready")
    assert store.line() == ["b", "c", "d"]
    with store.unchanged():
        assert store.broker.release(CLAIMER, "1.end") == ("b", "ready")


def test_a_crash_counts_for_the_run_in_which_it_was(store: Store, three: list[Claimed]) -> None:
    assert store.broker.crash(CLAIMER, "1.end", KILLED, token=int(three[1].token)) == ("b", "ready")
    assert [store.state(each).crashes for each in "abc"] == [0, 1, 0]
    assert [store.events(each) for each in "abc"] == [["released"], ["crashed"], ["released"]]
    assert store.line() == ["a", "b", "c", "d"]
    with store.unchanged():
        assert store.broker.crash(CLAIMER, "1.end", KILLED, token=int(three[1].token)) == ("b", "ready")


def test_a_crash_in_a_run_that_is_over_is_nobodys(store: Store, three: list[Claimed]) -> None:
    store.broker.end(three[0], DONE)
    assert store.broker.crash(CLAIMER, "1.end", KILLED, token=int(three[0].token)) == ("b", "ready")
    assert [store.state(each).crashes for each in "bc"] == [0, 0]


def test_a_crash_in_no_known_run_is_nobodys_unless_there_is_but_one(
    store: Store, three: list[Claimed]
) -> None:
    assert store.broker.crash(CLAIMER, "1.end", KILLED) == ("a", "ready")
    assert [store.state(each).crashes for each in "abc"] == [0, 0, 0]
    (alone,) = store.claim_ahead(9, generation=2)
    assert store.broker.crash(CLAIMER, "2.end", KILLED) == (alone.id, "ready")
    assert store.state(alone.id).crashes == 1


@pytest.mark.parametrize("how", ["reap", "deregister"])
def test_lost_without_a_word_all_come_back_and_nothing_counts(
    store: Store, three: list[Claimed], how: str
) -> None:
    if how == "reap":
        store.expire()
    else:
        store.broker.deregister("w", [CLAIMER], lost=True)
    assert store.line() == ["a", "b", "c", "d"]
    assert [store.state(job.id).crashes for job in three] == [0, 0, 0]
    assert [store.events(job.id) for job in three] == [["lost"]] * 3
    assert ids(store.claim_ahead(9)) == ["a"]
    store.expire()
    assert store.state("a").crashes == 1


def test_lost_while_it_was_to_be_cancelled_it_is(store: Store, three: list[Claimed]) -> None:
    store.broker.cancel(three[1].id, "person")
    store.broker.deregister("w", [CLAIMER], lost=True)
    assert (store.homes("b"), store.line()) == (["cancelled"], ["a", "c", "d"])


def test_a_worker_that_stopped_leaves_none_behind(store: Store, three: list[Claimed]) -> None:
    slots = [CLAIMER, "w/2", "w/3"]
    store.running("e", claimer="w/3", priority=9)
    words = [store.call("deregister", *slots, worker="w", event="released")[0] for _ in range(2)]
    assert words == ["MORE", "OK"]
    assert store.line() == ["e", *ids(three), "d"]
    assert store.events("c") == ["released"]
