"""Schedules in a user's hands, and the chores of a worker that keep them going; the clock can be moved."""

from __future__ import annotations

import logging
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, OptionError, PayloadError, ScheduleNotFound, task
from junmai_jobs.config import load_config
from junmai_jobs.schedule import MOST_TICKS
from junmai_jobs.scheduler import DEFAULT_RETENTION, FIRE_EVERY, Scheduler
from junmai_jobs.task import Task, _registry, find_task, task_names
from tests.homes import in_home
from tests.servers import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs.broker import Broker
    from tests.backends import Backend, Backends, Clock

TEN_MINUTES = 600


def tidy(folder: str = "/shoot", *, depth: int = 1) -> str:
    return f"{folder} {depth}"


def needy(folder: str) -> str:
    return folder


@pytest.fixture(autouse=True)
def _only_the_tests_own_tasks() -> Iterator[None]:
    """As in a process that knows no other."""
    before = dict(_registry)
    _registry.clear()
    yield
    _registry.clear()
    _registry.update(before)


@pytest.fixture
def backend(backends: Backends) -> Backend:
    return backends.get("redis")


@pytest.fixture
def jobs(
    backend: Backend, namespace: str, broker: Broker, clock: Clock, tmp_path: Path
) -> Iterator[JobQueue]:
    """Their clock begins a second after a full hour: while a test runs no tick falls due by itself."""
    clock.advance(3601 - time.time() % 3600)
    assert isinstance(backend.endpoint, RedisProcess)
    config = load_config(environ=in_home(tmp_path))
    queue = JobQueue(backend.endpoint.url, namespace=namespace, config=config)
    queue._broker = broker
    yield queue
    queue.close()


@pytest.fixture
def tidying() -> Task[..., str]:
    return task(tidy)


def chores_of(jobs: JobQueue, **more: Any) -> Scheduler:
    """Those of one worker."""
    return Scheduler(jobs.broker, jobs.inspector, "w", 30.0, dict(DEFAULT_RETENTION), print, **more)


def fire(chores: Scheduler) -> float:
    """Round by round until nothing is due that can be fired; seconds until the next tick."""
    while (wait := chores._fire()) == 0.0:
        pass
    return wait


def ids(jobs: JobQueue, name: str) -> list[str]:
    """Of a schedule's jobs, the oldest tick first."""
    return sorted(job.id for job in jobs.jobs(limit=1000) if job.id.startswith(f"{name}:"))


def row_of(jobs: JobQueue, name: str) -> dict[str, Any]:
    return next(row for row in jobs.schedules() if row["name"] == name)


# ---- in a user's hands ---------------------------------------------------------------------------


def test_a_schedule_is_stored_and_shown(jobs: JobQueue, tidying: Task[..., str]) -> None:
    night = tidying.with_options(queue="night", priority=2)
    jobs.schedule(
        "nightly-tidy", night, "/raw", depth=3, cron="0 3 * * *", tz="Europe/Berlin", catch_up="skip"
    )
    [row] = jobs.schedules()
    due = datetime.fromisoformat(row.pop("next_at"))
    assert row == {
        "name": "nightly-tidy", "task": "tidy", "args": ["/raw"], "kwargs": {"depth": 3}, "queue": "night",
        "priority": 2, "every": None, "cron": "0 3 * * *", "tz": "Europe/Berlin", "catch_up": "skip",
        "in_code": False,
        "paused": False,
    }  # fmt: skip
    assert due.minute == 0
    assert due > datetime.now(UTC)


def test_a_tick_submits_with_the_options_and_arguments_given(
    jobs: JobQueue, clock: Clock, tidying: Task[..., str]
) -> None:
    night = tidying.with_options(queue="night", priority=2, tags=["a"])
    jobs.schedule("hourly", night, "/raw", every="1h")
    clock.advance(3600)
    fire(chores_of(jobs))
    [job] = jobs.jobs()
    assert (job.task, job.queue, job.priority, job.args, job.tags) == ("tidy", "night", 2, ["/raw"], ["a"])
    assert job.created_at is not None
    assert job.id.startswith("hourly:20")


def test_the_same_name_again_replaces_it(jobs: JobQueue, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="1h")
    jobs.schedule("s", tidying, every="2h")
    assert [row["every"] for row in jobs.schedules()] == [7200]


def test_run_submits_at_once_and_leaves_the_tick_alone(jobs: JobQueue, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, "/raw", every="1h")
    before = jobs.schedules()
    first, second = jobs.run_schedule("s"), jobs.run_schedule("s")
    assert first.id != second.id
    assert first.job().args == ["/raw"]
    assert jobs.schedules() == before


def test_what_is_removed_is_gone(jobs: JobQueue, clock: Clock, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="1h")
    jobs.unschedule("s")
    clock.advance(7200)
    fire(chores_of(jobs))
    assert jobs.schedules() == []
    assert jobs.jobs() == []
    for act in (jobs.unschedule, jobs.run_schedule):
        with pytest.raises(ScheduleNotFound, match="no schedule s: `junmai-jobs schedule list`"):
            act("s")


@pytest.mark.parametrize(
    ("name", "options", "when", "complaint"),
    [
        ("Nightly Tidy", {}, {"every": 60}, "schedule 'Nightly Tidy' is not a name"),
        ("a:b", {}, {"every": 60}, "schedule 'a:b' is not a name"),
        ("写真", {}, {"every": 60}, "is not a name"),
        ("s", {}, {}, "give every or cron"),
        ("s", {}, {"cron": "0 3 * *"}, "wrong number of fields"),
        ("s", {"id": "x"}, {"every": 60}, "leave out id and after"),
        ("s", {"after": ["x"]}, {"every": 60}, "leave out id and after"),
    ],
)
def test_what_is_wrong_is_named(
    jobs: JobQueue,
    tidying: Task[..., str],
    name: str,
    *,
    options: dict[str, Any],
    when: dict[str, Any],
    complaint: str,
) -> None:
    with pytest.raises(OptionError, match=complaint):
        jobs.schedule(name, tidying.with_options(**options), **when)
    assert jobs.schedules() == []


def test_arguments_that_do_not_fit_are_refused_at_once(jobs: JobQueue, tidying: Task[..., str]) -> None:
    with pytest.raises(PayloadError, match="too many positional"):
        jobs.schedule("s", tidying, 1, 2, 3, every=60)
    with pytest.raises(OptionError, match="is a plain function"):
        jobs.schedule("s", tidy, every=60)  # type: ignore[arg-type]


def test_a_name_of_no_schedule_is_refused(jobs: JobQueue) -> None:
    for act in (jobs.unschedule, jobs.run_schedule):
        with pytest.raises(OptionError, match="schedule 'A b' is not a name"):
            act("A b")


# ---- at a task -----------------------------------------------------------------------------------


def test_a_task_may_have_a_schedule() -> None:
    made = task(cron="0 3 * * *", tz="Europe/Berlin", catch_up="all", queue="night")(tidy)
    own = made.own_schedule()
    assert own is not None
    assert own.as_dict() == {
        "name": "tidy", "task": "tidy", "args": [], "kwargs": {}, "queue": "night", "priority": 5,
        "every": None, "cron": "0 3 * * *", "tz": "Europe/Berlin", "catch_up": "all", "in_code": True,
        "paused": False,
    }  # fmt: skip
    assert task(tidy).own_schedule() is None


@pytest.mark.parametrize("option", ["every", "cron", "tz", "catch_up"])
def test_a_schedule_is_no_option_of_one_submission(tidying: Task[..., str], option: str) -> None:
    with pytest.raises(OptionError, match=f"{option} belongs to the task, @task"):
        tidying.with_options(**{option: "1h"})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"every": "often"}, "every is 'often'"),
        ({"every": 60, "cron": "0 3 * * *"}, "give every or cron"),
        ({"tz": "Europe/Berlin"}, "give every or cron"),
        ({"catch_up": "skip"}, "give every or cron"),
        ({"every": 60, "name": "a" * 108}, "the limit is 107"),
    ],
)
def test_a_wrong_one_is_named_where_it_stands(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        task(**options)(tidy)
    assert task_names() == []


def test_a_task_that_needs_arguments_has_none() -> None:
    with pytest.raises(OptionError, match="a schedule at its task gives no arguments: needy"):
        task(every="1h")(needy)


def test_a_worker_stores_the_schedules_of_its_tasks(jobs: JobQueue) -> None:
    task(every="1h")(tidy)
    chores_of(jobs)._declare()
    assert (row_of(jobs, "tidy")["every"], row_of(jobs, "tidy")["in_code"]) == (3600, True)


def test_the_next_worker_leaves_the_tick_alone(jobs: JobQueue, clock: Clock) -> None:
    task(every="1h")(tidy)
    chores_of(jobs)._declare()
    before = jobs.schedules()
    clock.advance(2 * 3600)
    assert chores_of(jobs)._declare() == math.inf
    assert jobs.schedules() == before


def test_a_worker_with_other_code_replaces_it(jobs: JobQueue) -> None:
    task(every="1h")(tidy)
    chores_of(jobs)._declare()
    task(cron="0 3 * * *")(tidy)
    chores_of(jobs)._declare()
    assert (row_of(jobs, "tidy")["every"], row_of(jobs, "tidy")["cron"]) == (None, "0 3 * * *")


def test_one_in_the_code_is_not_replaced_by_hand(jobs: JobQueue) -> None:
    made = task(every="1h")(tidy)
    chores_of(jobs)._declare()
    with pytest.raises(
        OptionError, match="the schedule tidy stands in the code of its task: take another name"
    ):
        jobs.schedule("tidy", made, every="2h")
    assert row_of(jobs, "tidy")["every"] == 3600


def test_a_worker_removes_what_does_not_stand_in_its_code_any_more(jobs: JobQueue) -> None:
    task(every="1h")(tidy)
    task(every="1h", name="other")(tidy)
    chores_of(jobs)._declare()
    jobs.schedule("by-hand", find_task("tidy"), every="1h")
    _registry.clear()
    task(tidy)
    task(name="by-hand")(tidy)
    chores_of(jobs)._declare()
    assert [row["name"] for row in jobs.schedules()] == ["by-hand", "other"]


# ---- ticks ---------------------------------------------------------------------------------------


def test_ticks_are_fired_as_they_come(jobs: JobQueue, clock: Clock, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="10s")
    chores = chores_of(jobs)
    for count in range(4):
        assert 0 < fire(chores) <= FIRE_EVERY
        assert len(ids(jobs, "s")) == count
        clock.advance(10)


def test_a_chore_comes_back_for_the_next_tick(jobs: JobQueue, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="1s")
    wait = fire(chores_of(jobs))
    now = jobs.broker.due().now
    assert 0 < wait <= 1
    assert abs((now + wait) - math.ceil(now)) < 0.2 or wait < 0.2


def test_two_workers_fire_a_tick_once(jobs: JobQueue, clock: Clock, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="10s")
    clock.advance(10)
    name, tick, spec = jobs.broker.due().ticks[0]
    now = jobs.broker.due().now
    for _ in range(2):
        chores_of(jobs)._fire_schedule(name, tick, spec, now)
    assert len(ids(jobs, "s")) == 1


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
@pytest.mark.parametrize("when", [{"every": "1m"}, {"cron": "* * * * *"}], ids=["every", "cron"])
def test_asleep_for_ten_minutes(
    jobs: JobQueue,
    clock: Clock,
    tidying: Task[..., str],
    *,
    when: dict[str, Any],
    catch_up: str,
) -> None:
    jobs.schedule("s", tidying, **when, catch_up=catch_up)
    first = round(datetime.fromisoformat(row_of(jobs, "s")["next_at"]).timestamp())
    clock.advance(first - jobs.broker.due().now + TEN_MINUTES + 5)
    fire(chores_of(jobs))
    missed = [first + number * 60 for number in range(11)]
    expected = {"skip": [], "once": missed[-1:], "all": missed}[catch_up]
    assert ids(jobs, "s") == [
        f"s:{datetime.fromtimestamp(tick, UTC):%Y-%m-%dT%H:%M:%SZ}" for tick in expected
    ]
    clock.advance(60)
    fire(chores_of(jobs))
    assert len(ids(jobs, "s")) == len(expected) + 1, "it goes on as before"


def test_all_of_a_long_sleep_come_in_pieces(jobs: JobQueue, clock: Clock, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="1s", catch_up="all")
    clock.advance(450)
    chores = chores_of(jobs)
    assert chores._fire() == 0.0
    assert len(ids(jobs, "s")) == MOST_TICKS
    fire(chores)
    assert 449 <= len(ids(jobs, "s")) <= 460


def test_a_paused_queue_gets_its_ticks(jobs: JobQueue, clock: Clock, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="10s")
    jobs.pause()
    for _ in range(3):
        clock.advance(10)
        fire(chores_of(jobs))
    assert len(ids(jobs, "s")) == 3
    assert {job.status for job in jobs.jobs()} == {"queued"}


def test_ticks_do_not_overlap_where_the_job_is_unique(
    jobs: JobQueue, clock: Clock, tidying: Task[..., str]
) -> None:
    jobs.schedule("s", tidying.with_options(unique="tidy"), every="10s")
    for _ in range(3):
        clock.advance(10)
        fire(chores_of(jobs))
    assert len(ids(jobs, "s")) == 1
    jobs.cancel(ids(jobs, "s")[0])
    clock.advance(10)
    fire(chores_of(jobs))
    assert len(ids(jobs, "s")) == 2


def test_a_worker_that_fires_none_stores_none(jobs: JobQueue, clock: Clock) -> None:
    made = task(every="1h")(tidy)
    chores = chores_of(jobs, firing=False)
    chores.run_due(everything=True)
    assert jobs.schedules() == []
    jobs.schedule("s", made, every="1h")
    clock.advance(3600)
    chores.run_due(everything=True)
    assert jobs.jobs() == []


# ---- paused --------------------------------------------------------------------------------------


def test_ticks_of_a_paused_schedule_pass_by(jobs: JobQueue, clock: Clock, tidying: Task[..., str]) -> None:
    jobs.schedule("s", tidying, every="1h", catch_up="all")
    jobs.pause_schedule("s")
    assert (row_of(jobs, "s")["paused"], row_of(jobs, "s")["next_at"]) == (True, None)
    clock.advance(2 * 3600)
    fire(chores_of(jobs))
    clock.advance(2 * 3600)  # ticks that no worker was there to see
    jobs.resume_schedule("s")
    fire(chores_of(jobs))
    assert ids(jobs, "s") == []
    clock.advance(3600)
    fire(chores_of(jobs))
    assert len(ids(jobs, "s")) == 1


def test_a_tick_that_was_read_before_the_pause_is_not_fired(
    jobs: JobQueue, clock: Clock, tidying: Task[..., str]
) -> None:
    jobs.schedule("s", tidying, every="1h")
    clock.advance(3600)
    chores, due = chores_of(jobs), jobs.broker.due()
    jobs.pause_schedule("s")
    for name, tick, spec in due.ticks:
        chores._fire_schedule(name, tick, spec, due.now)
    assert ids(jobs, "s") == []


def test_one_in_the_code_stays_paused_when_workers_start_with_other_code(jobs: JobQueue) -> None:
    for every in ("1h", "2h"):
        task(every=every)(tidy)
        chores_of(jobs).run_due()
        jobs.pause_schedule("tidy")
    chores_of(jobs).run_due()
    assert (row_of(jobs, "tidy")["every"], row_of(jobs, "tidy")["paused"]) == (7200, True)
    jobs.resume_schedule("tidy")
    chores_of(jobs).run_due()
    assert row_of(jobs, "tidy")["paused"] is False


# ---- what is wrong with one stops no other -------------------------------------------------------


@pytest.fixture
def broken(jobs: JobQueue, clock: Clock, backend: Backend, tidying: Task[..., str]) -> list[str]:
    """Two schedules that cannot be fired, due before one that can."""
    jobs.schedule("zone", tidying, cron="* * * * *", tz="Europe/Berlin")
    specs = backend.admin.hget(jobs.inspector.keys.schedules, "zone")
    elsewhere = specs.replace(b"Europe/Berlin", b"Europe/Bexlin")
    backend.admin.hset(jobs.inspector.keys.schedules, mapping={"zone": elsewhere, "junk": b"\xc1"})
    backend.admin.zadd(jobs.inspector.keys.ticks, {"junk": 1, "zone": 2})
    jobs.schedule("good", tidying, every="1m")
    clock.advance(60)
    return ["junk", "zone"]


def test_the_others_go_on_and_it_is_said_once(
    jobs: JobQueue, broken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    chores = chores_of(jobs)
    with caplog.at_level(logging.ERROR, "junmai_jobs.worker"):
        for _ in range(3):
            assert fire(chores) > 0
    assert len(ids(jobs, "good")) == 1
    assert sorted(record.getMessage().split(":")[0] for record in caplog.records) == [
        f"schedule {name}" for name in broken
    ]
    assert "this machine knows no time zone 'Europe/Bexlin'" in caplog.text


def test_it_is_listed_with_what_is_wrong(jobs: JobQueue, broken: list[str]) -> None:
    assert row_of(jobs, "junk").keys() == {"name", "error", "next_at"}
    assert row_of(jobs, "zone")["tz"] == "Europe/Bexlin"
    with pytest.raises(PayloadError):
        jobs.run_schedule("junk")
    jobs.unschedule("junk")


def test_a_full_queue_puts_ticks_off(
    jobs: JobQueue, clock: Clock, tidying: Task[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    jobs.schedule("s", tidying, every="10s", catch_up="all")
    jobs.submit(tidying)
    clock.advance(10)
    fire(chores_of(jobs, max_waiting=1))
    assert ids(jobs, "s") == []
    assert "queue default may hold 1 waiting jobs" in caplog.text
    clock.advance(10)
    fire(chores_of(jobs))
    assert len(ids(jobs, "s")) == 2


def test_jobs_that_no_worker_knows_are_complained_of_once(
    jobs: JobQueue, clock: Clock, tidying: Task[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    jobs.schedule("s", tidying, every="1h")
    _registry.clear()
    chores = chores_of(jobs)
    for _ in range(2):
        clock.advance(3600)
        fire(chores)
    assert len(ids(jobs, "s")) == 2
    assert len(caplog.records) == 1
    assert "schedule s: no worker knows its task 'tidy'" in caplog.text
    assert "`junmai-jobs schedule remove s`" in caplog.text
    jobs.broker.register("other", {"tasks": ["tidy"]})
    clock.advance(3600)
    fire(chores)
    assert "s" not in chores._complaints
