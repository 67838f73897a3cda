from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import InvalidState, JobNotFound, QueueFull
from junmai_jobs.job import Body
from tests.verbs.store import BAND, ERROR, new_job

if TYPE_CHECKING:
    from tests.backends import Backend
    from tests.verbs.store import Store


def test_a_new_job_waits_in_ready(store: Store) -> None:
    assert store.homes("a") == []
    assert store.broker.enqueue([new_job("a")]) == [None]
    assert store.homes("a") == ["ready"]
    assert store.score("a") == 5 * BAND + 1


def test_a_waiting_job_is_one_body_and_one_member(store: Store) -> None:
    store.add("a")
    assert store.exact() == {
        "bodies": {b"a": new_job("a").body},
        "default:ready": {b"a": 5 * BAND + 1},
        "default:bell": [b"1"],
        "queues": {b"default": 0},
        "meta": {b"sequence": b"1"},
    }


def test_a_delayed_job_waits_in_scheduled(store: Store) -> None:
    store.add("a", delay=60)
    assert store.homes("a") == ["scheduled"]
    assert store.score("a", "scheduled") == pytest.approx((time.time() + 60) * 1000, abs=10_000)
    assert not store.has_state("a")
    assert store.rung() == {"alarm"}


def test_only_a_job_that_is_due_first_raises_the_alarm(store: Store) -> None:
    store.add("a", delay=60)
    store.hush()
    store.add("later", delay=90)
    assert store.rung() == set()
    store.add("sooner", delay=30)
    assert store.rung() == {"alarm"}


def test_a_job_with_parents_waits_in_blocked(store: Store) -> None:
    store.add("a", "b")
    store.hush()
    store.add("child", after=("a", "b"), after_policy="continue", delay=5)
    assert store.homes("child") == ["blocked"]
    assert (store.state("child").word, store.state("child").note) == ("blocked", "5000")
    assert store.line("parents") == ["child a", "child b"]
    assert store.line("children") == ["a child continue", "b child continue"]
    assert store.rung() == set()


def test_a_parent_that_has_finished_is_looked_at_again(store: Store) -> None:
    store.ended("a", verbs.succeed(b""))
    assert store.line("ended") == []
    store.hush()
    store.add("child", after=("a",))
    assert store.line("ended") == ["a"]
    assert store.rung() == {"alarm"}


def test_the_bell_holds_one_ring_however_many_jobs_come(store: Store) -> None:
    store.add("a", "b")
    store.add("c")
    store.add("d", queue="night")
    assert store.rung() == {"default", "night"}


def test_every_queue_that_had_a_job_is_known(store: Store) -> None:
    store.add("a")
    store.add("b", queue="night", delay=1)
    assert store.line("queues") == ["default", "night"]


def test_the_time_of_submission_is_the_servers(store: Store) -> None:
    store.advance(1000)
    store.broker.enqueue([new_job("a", expires=7.5)])
    body = Body.decode(store.admin.hget(store.keys.bodies, "a") or b"")
    assert body.created == pytest.approx(time.time() + 1000, abs=10)
    assert body.expires == 7.5


def test_the_same_job_again_exists(store: Store) -> None:
    store.add("a")
    with store.unchanged():
        assert store.broker.enqueue([new_job("a")]) == ["a"]


def test_a_job_exists_whatever_became_of_it(store: Store) -> None:
    store.add("waits", "moves")
    store.ended("done", verbs.succeed(b""), queue="night", expires=60)
    store.broker.reprioritize("moves", 9)
    jobs = [new_job("waits"), new_job("moves"), new_job("done", queue="night", expires=60), new_job("fresh")]
    assert store.broker.enqueue(jobs) == [*(job.id for job in jobs[:3]), None]
    assert store.homes("done") == ["succeeded"]
    assert store.line() == ["moves", "waits", "fresh"]


@pytest.mark.parametrize(
    "other",
    [{"task": "other"}, {"args": [1]}, {"queue": "night"}, {"expires": 5}],
    ids="".join,
)
def test_an_id_with_other_content_is_refused(store: Store, other: dict[str, object]) -> None:
    store.add("a")
    with store.unchanged(), pytest.raises(InvalidState, match="the id a belongs to a job with other content"):
        store.add("a", **other)


def test_an_id_with_a_damaged_body_is_refused(store: Store) -> None:
    store.add("a")
    store.damage("a")
    with store.unchanged(), pytest.raises(InvalidState, match="other content"):
        store.add("a")


def test_an_id_may_come_twice_in_one_call(store: Store) -> None:
    assert store.broker.enqueue([new_job("a", expires=9), new_job("a", expires=9)]) == [None, "a"]
    assert store.line() == ["a"]
    with pytest.raises(InvalidState, match="job 2 of 2"):
        store.broker.enqueue([new_job("b"), new_job("b", args=[1])])


def test_all_jobs_of_a_call_or_none(store: Store) -> None:
    store.add("taken")
    with store.unchanged(), pytest.raises(InvalidState, match=r"job 3 of 3: .* taken"):
        store.broker.enqueue([new_job("a"), new_job("b"), new_job("taken", args=[1])])


def test_a_full_batch_keeps_its_order(store: Store) -> None:
    ids = [f"job-{number:03}" for number in range(200)]
    assert store.broker.enqueue([new_job(job_id) for job_id in reversed(ids)]) == [None] * 200
    assert store.line() == ids[::-1]


def test_no_jobs_no_call(store: Store) -> None:
    assert store.broker.enqueue([]) == []


def test_a_full_queue_takes_no_more(store: Store) -> None:
    store.running("running")
    store.ended("retrying", verbs.retry(60, ERROR))
    store.add("scheduled", delay=60)
    store.add("blocked", after=("scheduled",))
    store.broker.enqueue([new_job("ready")], max_waiting=4)
    with store.unchanged(), pytest.raises(QueueFull, match="queue default may hold 4 waiting jobs"):
        store.broker.enqueue([new_job("b")], max_waiting=4)
    with store.unchanged(), pytest.raises(QueueFull, match="job 2 of 2"):
        store.broker.enqueue([new_job("b"), new_job("c")], max_waiting=5)
    assert store.broker.enqueue([new_job("ready")], max_waiting=4) == ["ready"]
    assert store.broker.enqueue([new_job("b", queue="night")], max_waiting=4) == [None]


@pytest.mark.parametrize("parent", ["unknown", "a", "b"], ids=["unknown", "itself", "later in the call"])
def test_a_parent_must_be_known(store: Store, parent: str) -> None:
    with store.unchanged(), pytest.raises(JobNotFound, match=f"job 1 of 2: no job {parent} to wait for"):
        store.broker.enqueue([new_job("a", after=(parent,)), new_job("b")])


def test_a_parent_may_come_first_in_the_same_call(store: Store) -> None:
    store.broker.enqueue([new_job("parent"), new_job("child", after=("parent",))])
    assert store.homes("parent") == ["ready"]
    assert store.homes("child") == ["blocked"]


def test_other_namespaces_are_not_touched(store: Store, backend: Backend) -> None:
    with backend.namespace() as other:
        backend.broker(other).enqueue([new_job("a", args=[1])])
        backend.let_in(store.namespace)
        assert store.exact() == {}
        assert store.broker.enqueue([new_job("a")]) == [None]


def test_what_a_torn_log_left_of_other_parents_holds_nobody_up(store: Store) -> None:
    store.add("p")
    store.admin.zadd(store.keys.parents, {"c ghost": 0})
    store.add("c", after=("p",))
    assert store.line("parents") == ["c p"]


def test_a_job_may_stand_further_back(store: Store) -> None:
    store.broker.enqueue([new_job("long", behind=3), new_job("a")])
    store.broker.enqueue([new_job("b")])
    store.broker.enqueue([new_job("later", behind=1000)])
    assert store.line() == ["a", "b", "long", "later"]
    assert store.admin.hmget(store.keys.meta, "sequence", "furthest") == [b"4", b"1000"]
    store.broker.enqueue([new_job("long", behind=9)])
    assert store.line() == ["a", "b", "long", "later"], "it is there, with its place"
    store.broker.enqueue([new_job("c", behind=1)])
    assert store.line() == ["a", "b", "long", "c", "later"]
    assert store.admin.hmget(store.keys.meta, "sequence", "furthest") == [b"5", b"1000"]
    assert store.broker.examine("jobs", ["", "later"]) == (1, [])
    store.admin.hset(store.keys.meta, "sequence", 3)
    _, broken = store.broker.examine("jobs", ["", "later"])
    assert [word for word, *_ in broken] == ["sequence"], "what was lost is seen all the same"
