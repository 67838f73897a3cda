"""Why a job waits, where others have written into the store what we never would."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.why.simulated import Simulated

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from tests.backends import Backend

JUNK: list[Any] = [
    "junk",
    json.dumps([1]),
    json.dumps({"queues": "all", "tasks": 7, "claimers": {}, "concurrency": "many", "offers": "gold"}),
    json.dumps(
        {"queues": ["\x00", "UPPER", "default"], "order": 3, "schema": "version 9", "concurrency": -1}
    ),
    json.dumps({"offers": [{"pool": 3, "gpu": "one"}, 7, {"gpu": 1}], "governor": {"grade": "lazy"}}),
    json.dumps({"claimers": ["w/0", "nobody/7", ""], "concurrency": 10**30}),
]


@pytest.fixture
def studio(backend: Backend, broker: Broker) -> Simulated:
    """A worker with one slot that has a job, and one that has ended before it."""
    studio = Simulated(backend, broker)
    studio.worker("w", 1, "default", offers=[{"pool": "h", "scanner": 1}])
    studio.submit(2, 1, 1, extras={"c": "narrow,1"})
    studio.run(lambda: len(studio.started) == 2)
    return studio


@pytest.mark.parametrize("said", JUNK)
def test_a_worker_that_says_what_none_says_is_looked_at_all_the_same(studio: Simulated, said: str) -> None:
    keys, admin = studio.broker.keys, studio.backend.admin
    admin.hset(keys.worker_info, "odd", said)
    admin.zadd(keys.workers, {"odd": studio.now * 1000})
    for options in ({}, {"needs": {"scanner": 1}}, {"queue": "elsewhere"}, {"extras": {"c": "narrow,1"}}):
        [job_id] = studio.submit(1, 1, 1, **options)
        assert studio.why(job_id).id == job_id


def test_entries_that_are_none_of_ours_count_for_nothing(studio: Simulated) -> None:
    keys, admin = studio.broker.keys, studio.backend.admin
    jobs = [
        studio.submit(1, 1, 1, **options)[0]
        for options in (
            {"extras": {"c": "narrow,1"}}, {"extras": {"r": "paced~,1,1000"}}, {"extras": {"c": "odd"}},
            {"needs": {"scanner": 1}}, {},
        )
    ]  # fmt: skip
    for home in (keys.holders, keys.parked, keys.starts, keys.parents):
        admin.zadd(
            home, dict.fromkeys(("narrow", "narrow x", "narrow x y z", "paced~ x y", "@h x scanner=lots"), 0)
        )
    admin.zadd(keys.limits_due, {"odd": 0, ",": 0, "narrow,x": 0, "odd,1,2,3": 0})
    admin.hset(keys.claimers, "w/0", "a|b")
    admin.hset(keys.paused, "*", "perhaps")
    admin.zadd(keys.succeeded, {"nobody": studio.now * 1000})
    for job_id in jobs:
        assert studio.why(job_id).id == job_id


@pytest.mark.parametrize(
    "state",
    [
        "blocked|default|||0|0|||narrow|",
        "scheduled|default|||0|0|||unknown:x|",
        "ready|nowhere|1|1|9|9|x|y|z|",
        "junk",
    ],
)
def test_a_state_without_what_belongs_to_it(studio: Simulated, state: str) -> None:
    [job_id] = studio.submit(1, 1, 1)
    studio.backend.admin.hset(studio.broker.keys.states, job_id, state)
    assert studio.why(job_id).id == job_id


def test_a_job_that_is_in_no_set_is_told_of_as_damage(studio: Simulated) -> None:
    [job_id] = studio.submit(1, 1, 1)
    studio.backend.admin.zrem(studio.broker.keys.queue("default", "ready"), job_id)
    told = studio.why(job_id)
    assert (told.position, told.expected_start) == (None, None)
    assert "doctor --repair" in told.detail


def test_a_job_in_line_that_is_for_later_has_no_place_there(studio: Simulated) -> None:
    [job_id] = studio.submit(1, 1, 1)
    later = {job_id: (studio.now + 60) * 1000}
    studio.backend.admin.zadd(studio.broker.keys.queue("default", "scheduled"), later)
    told = studio.why(job_id)
    assert (told.status, told.reason, told.position) == ("scheduled", "scheduled", None)


def test_a_body_that_cannot_be_read_is_not_taken_for_one_of_an_unknown_task(studio: Simulated) -> None:
    [job_id] = studio.submit(1, 1, 1)
    studio.backend.admin.hset(studio.broker.keys.bodies, job_id, b"1default|5\n\xff\xff")
    told = studio.why(job_id)
    assert told.reason == "position"
    assert "will fail as corrupt_record" in told.detail


def test_hundreds_of_workers_are_looked_at_without_comparing_each_with_each(studio: Simulated) -> None:
    keys, admin = studio.broker.keys, studio.backend.admin
    for number in range(600):
        name = f"w{number}"
        said = {
            "claimers": [f"{name}/0"],
            "queues": ["default"],
            "tasks": ["noop" if number % 2 else "other"],
        }
        admin.hset(keys.worker_info, name, json.dumps(said))
        admin.zadd(keys.workers, {name: studio.now * 1000})
    studio.submit(50, 1, 1)
    [job_id] = studio.submit(1, 1, 1)
    begun = time.process_time()
    assert studio.inspector.why(job_id).position is not None
    assert time.process_time() - begun < 2


def test_thousands_of_queues_are_looked_at_without_comparing_each_with_each(studio: Simulated) -> None:
    keys, admin = studio.broker.keys, studio.backend.admin
    admin.zadd(keys.queues, {f"q{number}": 0 for number in range(3000)})
    for number in range(3000):
        admin.zadd(keys.queue(f"q{number}", "ready"), {f"other{number}": 5 * 2**42 + number})
    studio.worker("all", 1, "default", queues=None)
    [job_id] = studio.submit(1, 1, 1)
    begun = time.process_time()
    assert studio.inspector.why(job_id).position is not None
    assert time.process_time() - begun < 1.5
