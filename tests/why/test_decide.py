"""What is told of a job that waits: which of several obstacles is the reason, and what else is named."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from junmai_jobs.commands.why import reasons as lines
from junmai_jobs.job import Job, Status
from junmai_jobs.resources import Allowance, Grade
from junmai_jobs.why import decide, obstacles, told
from junmai_jobs.why.facts import Facts, Full, Parent, Seen

NOW = 1_800_000_000.0
EASED = Allowance(Grade.EASED, ("CPU 90 % used by others, limit 80 %",)).describe(2)
NONE = Allowance(Grade.NONE, ("memory 97 % used by others, limit 85 %",)).describe(2)
WORKER = Seen(name="studio-1", queues=None, lanes=("default",), tasks=frozenset({"develop"}), slots=2)
FULL = Full("scanner", 2, 2, 0.0, 3)


def job(status: Status = Status.QUEUED, **more: Any) -> Job:
    given: dict[str, Any] = {
        "id": "j", "task": "develop", "queue": "default", "priority": 5, "status": status, "args": (),
        "kwargs": {}, "attempt": 0, "max_retries": 3, "retry_count": 0, "created_at": None,
        "started_at": None, "finished_at": None, "run_at": None, "worker": None, "progress": None,
        "result": None, "reason": None, "error": None, "history": (),
    }  # fmt: skip
    return Job(**given | more)


def facts(status: Status = Status.QUEUED, **more: Any) -> Facts:
    given: dict[str, Any] = {"now": NOW, "job": job(status), "lane": "default", "workers": (WORKER,)}
    if status is Status.QUEUED:
        given["position"] = 0
    return Facts(**given | more)


def reasons(seen: Facts) -> list[str]:
    return [each.reason for each in obstacles(seen)]


GATES: list[tuple[str, dict[str, Any]]] = [
    ("paused", {"paused": "default"}),
    ("newer_schema", {"version": "3"}),
    ("no_worker", {"workers": ()}),
    ("unknown_task", {"workers": (replace(WORKER, tasks=frozenset({"export"})),)}),
    ("needs", {"workers": (replace(WORKER, has_machine=False),), "lane": "default+gpu=1"}),
    ("needs", {"taken": "what it needs is taken (gpu 1), by k"}),
    ("governor", {"workers": (replace(WORKER, governor=NONE),)}),
    ("limit", {"limit": FULL}),
    ("position", {"position": 7}),
]
"""What can be in the way of a job in line, in the order in which it must go."""


@pytest.mark.parametrize(("reason", "given"), GATES, ids=[reason for reason, _ in GATES])
def test_each_alone_is_the_reason(reason: str, given: dict[str, Any]) -> None:
    told = decide(facts(**given))
    assert (told.id, told.status, told.reason) == ("j", "queued", reason)


PAIRS = [
    (reason, other, one | two)
    for (reason, one), (other, two) in itertools.combinations(GATES, 2)
    if not one.keys() & two.keys()
]


@pytest.mark.parametrize(("reason", "other", "given"), PAIRS)
def test_of_two_the_first_is_the_reason_and_the_other_is_named(
    reason: str, other: str, given: dict[str, Any]
) -> None:
    found = reasons(facts(**given))
    assert found[0] == reason
    if reason not in {"newer_schema", "no_worker", "unknown_task", "needs"}:
        assert other in found, "nobody could run it, so what those do who could is nobody's question"


OUT_OF_LINE: list[tuple[str, Status, dict[str, Any]]] = [
    ("scheduled", Status.SCHEDULED, {"due": NOW + 60}),
    ("backoff", Status.RETRYING, {"due": NOW + 60}),
    ("dependency", Status.BLOCKED, {"parents": (Parent("p", Status.RUNNING),), "awaited": 1}),
    ("limit", Status.BLOCKED, {"parked_for": "scanner", "limit": FULL}),
]


@pytest.mark.parametrize(("reason", "status", "given"), OUT_OF_LINE, ids=[row[0] for row in OUT_OF_LINE])
def test_what_is_not_in_line_has_to_come_there_first(
    reason: str, status: Status, given: dict[str, Any]
) -> None:
    told = decide(facts(status, paused="*", workers=(), **given))
    assert (told.reason, told.position, told.expected_start) == (reason, None, None)
    assert "besides, all queues are paused: `junmai-jobs resume` lets it go on" in told.detail
    assert "besides, no worker is alive" in told.detail


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.RETRYING])
def test_time_is_no_reason_any_more_when_it_is_long_past_and_nobody_comes(status: Status) -> None:
    assert reasons(facts(status, due=NOW - 60, workers=())) == ["no_worker"]
    assert reasons(facts(status, due=NOW - 60)) == [decide(facts(status, due=NOW - 60)).reason]


def test_a_task_that_its_last_worker_did_not_know_waits_for_one_that_does_not_for_the_time() -> None:
    stranger = replace(WORKER, tasks=frozenset({"export"}))
    seen = facts(Status.SCHEDULED, due=NOW + 5, is_unknown=True, workers=(stranger,))
    assert decide(seen).reason == "unknown_task"
    assert decide(replace(seen, workers=(stranger, WORKER))).reason == "scheduled"


def test_somebody_must_serve_it_read_it_know_it_and_have_what_it_needs_all_in_one() -> None:
    knows = replace(WORKER, has_machine=False)
    has = replace(WORKER, name="studio-2", tasks=frozenset({"export"}))
    assert reasons(facts(workers=(knows, has), lane="default+gpu=1"))[0] == "needs"
    elsewhere = replace(WORKER, queues=("other",))
    told = decide(facts(workers=(has, elsewhere)))
    assert told.reason == "unknown_task"
    assert told.detail.endswith("(studio-2 knows export)")


def test_a_worker_that_does_not_say_what_it_knows_may_know_it() -> None:
    assert reasons(facts(workers=(replace(WORKER, tasks=None),))) == ["position"]


def test_a_newer_body_that_a_worker_can_read_waits_its_turn() -> None:
    assert reasons(facts(version="3", workers=(replace(WORKER, version="3"),))) == ["position"]


def test_what_stands_before_it_and_cannot_be_read_closes_its_line() -> None:
    told = decide(facts(head_version="3", position=4))
    assert told.reason == "newer_schema"
    assert told.detail.startswith("that of a job before it in line has version 3")


@pytest.mark.parametrize(
    ("busy", "priority", "position", "reason", "passes"),
    [
        (1, 5, 0, "governor", True),
        (1, 5, 1, "position", True),
        (2, 5, 0, "position", True),
        (0, 5, 0, "position", True),
        (1, 9, 0, "position", True),
    ],
)
def test_an_eased_governor_is_the_reason_where_a_slot_that_it_keeps_empty_would_take_the_job(
    busy: int, priority: int, position: int, reason: str, passes: bool
) -> None:
    worker = replace(WORKER, governor=EASED, busy=busy)
    seen = facts(workers=(worker,), job=job(priority=priority), position=position)
    first = next(obstacles(seen))
    assert (first.reason, first.passes) == (reason, passes)


def test_a_governor_that_lets_nothing_begin_is_told_in_its_own_words() -> None:
    told = decide(facts(workers=(replace(WORKER, governor=NONE),), position=3))
    words = "none, any job in 0 of 2 slots: memory 97 % used by others, limit 85 %"
    assert told.detail.startswith(f"studio-1 holds back: {words}")
    free = replace(WORKER, name="studio-2")
    assert reasons(facts(workers=(replace(WORKER, governor=NONE), free))) == ["position"]


def test_an_external_queue_waits_for_who_serves_it() -> None:
    seen = facts(job=job(queue="lightroom"), lane="lightroom")
    assert decide(seen).detail.endswith("start Lightroom, with the plugin")
    plugin = Seen(name="lightroom-1", queues=("lightroom",), tasks=frozenset({"develop"}))
    assert reasons(replace(seen, workers=(WORKER, plugin))) == ["position"]


def test_when_it_starts_and_why_nobody_knows() -> None:
    told = decide(facts(position=2), wait=90.0)
    assert told.expected_start == "2027-01-15T08:01:30.000Z"
    told = decide(facts(position=2), None, "no job of develop has ended yet")
    assert told.expected_start is None
    assert told.detail == "2 jobs before it; when it starts is not known: no job of develop has ended yet"


def test_one_that_expires_first_never_starts() -> None:
    told = decide(facts(expires=NOW + 60), wait=90.0)
    assert told.expected_start is None
    assert "it expires at 2027-01-15T08:01:00.000Z" in told.detail
    assert decide(facts(expires=NOW + 60), wait=30.0).expected_start is not None


def test_many_parents_are_counted_and_the_nearest_tells_what_it_waits_for_itself() -> None:
    parents = [
        Parent("a", Status.RUNNING, "it runs on studio-1/0"),
        *(Parent(f"p{n}", None) for n in range(9)),
    ]
    told = decide(facts(Status.BLOCKED, parents=tuple(parents), awaited=400))
    named = "a (running), p0 (gone), p1 (gone), p2 (gone), p3 (gone) and 395 more"
    assert told.detail == f"it waits for the end of {named}; of these a: it runs on studio-1/0"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.QUEUED, "position"), (Status.SCHEDULED, "scheduled"), (Status.RETRYING, "backoff")],
)
def test_one_that_is_in_no_line_does_not_start_in_a_moment(status: Status, reason: str) -> None:
    [first] = obstacles(facts(status, due=None, position=None))
    assert (first.reason, first.passes) == (reason, False)
    assert "`junmai-jobs doctor --repair`" in first.detail


def test_one_whose_time_is_long_past_is_not_told_to_wait_for_it() -> None:
    told = decide(facts(Status.SCHEDULED, due=NOW - 60))
    assert (
        told.detail
        == "it was for later, until 2027-01-15T07:59:00.000Z: a worker brings it into line in a moment"
    )


def test_an_end_of_which_no_time_is_known_has_none() -> None:
    assert told(job(Status.SUCCEEDED), NOW).detail == "it succeeded, never claimed"


def test_a_failure_that_no_other_attempt_follows_is_not_one_of_several() -> None:
    ended = {"error": {"type": "studio.Bad", "message": "no card.", "traceback": ""}, "max_retries": 3}
    given_up = told(job(Status.FAILED, attempt=1, reason="no card.", **ended), NOW)
    assert given_up.detail == "it failed, attempt 1: Bad: no card."
    assert list(lines(given_up))[1] == "It failed, attempt 1: Bad: no card."
    assert (
        told(job(Status.FAILED, attempt=4, **ended), NOW).detail == "it failed, attempt 4 of 4: Bad: no card."
    )


@pytest.mark.parametrize("slots", [-(10**30), 10**30])
def test_a_governor_that_says_what_none_says_allows_what_can_be(slots: int) -> None:
    said = {**EASED, "slots": slots}
    assert replace(WORKER, governor=said).allowed(5) in {0, WORKER.slots}


def test_a_name_with_lines_of_its_own_forges_none() -> None:
    stranger = replace(WORKER, tasks=frozenset({"export"}))
    said = decide(facts(workers=(stranger,), job=job(task="evil\x1b[2J\nExpected to start: now")))
    assert len(list(lines(said))) == 3
    assert all(line.isprintable() for line in lines(said))
