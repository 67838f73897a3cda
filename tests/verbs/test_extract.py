"""extract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.archive import StoredJob
from tests.verbs.scenarios import QUEUES
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store

RESULT = b"\xa4done"


def extracted(store: Store, *job_ids: str) -> dict[str, StoredJob]:
    with store.unchanged():
        found = list(store.broker.extract([job_id.encode() for job_id in job_ids]))
    assert len({job.id for job in found}) == len(found)
    return {job.id.decode(): job for job in found}


def test_one_that_waits_is_its_body_and_its_place(store: Store) -> None:
    store.add("a", "b", queue="night", priority=6)
    body = store.admin.hget(store.keys.bodies, "b")
    score = int(store.score("b", "night:ready"))
    assert extracted(store, "b") == {"b": StoredJob(b"b", b"ready", b"night", b"%d" % score, body)}


def test_one_that_is_not_there_is_left_out(store: Store) -> None:
    store.add("a")
    assert list(extracted(store, "b", "a", "c")) == ["a"]
    assert extracted(store) == {}


def test_each_home(store: Store) -> None:
    store.ended("done", verbs.succeed(RESULT, 60))
    store.ended("failed", verbs.fail(ERROR))
    store.ended("retrying", verbs.retry(60, ERROR))
    store.running("running")
    store.add("cancelled", "ready")
    store.broker.cancel("cancelled", "person")
    store.add("later", delay=9)
    store.add("child", after=("ready",))
    found = extracted(store, *store.all_homes())
    homes = {job_id: [job.home.decode()] for job_id, job in found.items()}
    homes["running"] = ["leases"]
    assert homes == {**store.all_homes(), "running": ["leases"]}
    assert found["done"].result == RESULT
    assert float(found["done"].expires) == store.score("done", "expiring")
    assert b'"failed"' in found["failed"].history
    assert found["running"].state.startswith(b"running|default|")


def test_what_its_runs_have_left(store: Store) -> None:
    job = store.running("a")
    store.broker.progress(job, {"done": 1})
    store.broker.checkpoint(job, b"\x01")
    store.broker.log(job, 1, "a line")
    found = extracted(store, "a")["a"]
    assert (found.progress, found.checkpoint, found.log[-7:]) == (b'{"done":1}', b"\x01", b"a line\n")


def test_dependencies_that_are_open_and_no_other(store: Store) -> None:
    store.ended("over", verbs.succeed(b""))
    store.add("p", "p.2")
    store.add("child", after=("cancel=over", "continue+=p", "failure=p.2"))
    store.broker.resolve()
    assert extracted(store, "child")["child"].dependencies == b"continue+=p failure=p.2"
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.succeed(b""))
    store.broker.resolve()
    assert extracted(store, "child")["child"].dependencies == b"failure=p.2"


def test_the_entry_of_its_unique_key_only_while_that_is_its(store: Store) -> None:
    store.add("a", extras={"u": "key,alive,0,first"})
    assert extracted(store, "a")["a"].unique == b"a alive 0"
    store.broker.cancel("a", "person")
    store.add("b", extras={"u": "key,alive,0,first"})
    found = extracted(store, "a", "b")
    assert (found["a"].unique, found["b"].unique) == (b"", b"b alive 0")


@pytest.mark.parametrize("text", [b"junk", b"succeeded|default||5|0|0|w|||", b"ready|night||5|0|0|w|||"])
def test_a_state_that_is_not_true_hides_nobody(store: Store, text: bytes) -> None:
    store.add("a", "other")
    store.damage_state("a", text)
    found = extracted(store, "a")["a"]
    assert (found.home, found.lane, found.state) == (
        b"ready",
        b"default" if b"night" not in text else found.lane,
        text,
    )
    store.admin.hdel(store.keys.states, "a")


def test_a_body_that_cannot_be_read_hides_nobody(store: Store) -> None:
    store.add("a", queue="night")
    store.damage("a")
    found = extracted(store, "a")["a"]
    assert (found.home, found.lane, found.body) == (b"ready", b"night", b"junk")


def test_what_is_large_comes_in_several_calls(store: Store) -> None:
    ids = [f"job-{number:02}" for number in range(50)]
    for job_id in ids:
        store.ended(job_id, verbs.succeed(b"\xc5\xff\xff" + bytes(65_535)))
    word, looked_at, *rows = store.call("extract", *ids)
    assert (word, looked_at) == ("OK", 16)
    assert len(rows) == 16 * len(StoredJob._fields)
    assert list(extracted(store, *ids)) == ids


def test_of_what_waits_for_room_all_that_is_needed_to_wait_again(store: Store) -> None:
    store.add("a", "b", extras={"c": "key,1"})
    store.drain(*QUEUES)
    found = extracted(store, "b")["b"]
    assert (found.home, found.dependencies) == (b"blocked", b"")
    assert b"|key|" in found.state
