"""Each thing that can keep a job from running, made real: what ``why`` tells of it."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import Concurrency, JobHandle, JobQueue, Rate, RetryPolicy, task
from tests.in_process import typed
from tests.verbs.store import NEWER_BODY
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs.why import Why
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker
    from tests.worker.harness import Journal


class Gate:
    """Jobs that run until the gate is opened."""

    def __init__(self, jobs: JobQueue, journal: Journal, folder: Path) -> None:
        self._jobs, self._journal, self._file = jobs, journal, folder / "open"
        self._begun = 0

    def submit(self, **options: object) -> JobHandle[str]:
        held = tasks.hold.with_options(**options) if options else tasks.hold
        return self._jobs.submit(held, str(self._journal), str(self._file))

    def run(self, **options: object) -> JobHandle[str]:
        """One that runs."""
        handle = self.submit(**options)
        self._begun += 1
        self._journal.wait_for(self._begun)
        return handle

    def open(self) -> None:
        self._file.touch()


@pytest.fixture
def gate(jobs: JobQueue, journal: Journal, tmp_path: Path) -> Gate:
    return Gate(jobs, journal, tmp_path)


def reason_of(handle: JobHandle[Any]) -> str:
    return handle.why().reason


def becomes(handle: JobHandle[Any], reason: str) -> Why:
    """What is told once that is the reason."""
    wait_until(lambda: reason_of(handle) == reason, what=f"{reason}, not {handle.why()}")
    return handle.why()


def until(why: Why) -> float:
    """Seconds from now to the start that is expected."""
    assert why.expected_start is not None, why
    return datetime.fromisoformat(why.expected_start).timestamp() - time.time()


def started(jobs: JobQueue) -> str:
    """The name of the one worker there is, once it has signed on."""
    wait_until(jobs.workers, what="the worker to sign on")
    return str(jobs.workers()[0]["name"])


def test_paused_names_the_queue_and_what_lets_it_go_on(jobs: JobQueue, start_worker: StartWorker) -> None:
    jobs.pause("default")
    handle = jobs.submit(tasks.quick)
    start_worker()
    started(jobs)
    why = handle.why()
    assert (why.reason, why.status, why.position, why.expected_start) == ("paused", "queued", 0, None)
    assert why.detail == "the queue default is paused: `junmai-jobs resume default` lets it go on"
    jobs.resume("default")
    assert handle.result(timeout=60) == 0


def test_paused_is_told_before_that_nobody_is_there_and_names_that_too(jobs: JobQueue) -> None:
    jobs.pause()
    why = jobs.submit(tasks.quick).why()
    assert (why.reason, why.expected_start) == ("paused", None)
    assert why.detail.startswith(
        "all queues are paused: `junmai-jobs resume` lets it go on; besides, no worker"
    )


def test_no_worker_is_alive(jobs: JobQueue) -> None:
    why = jobs.submit(tasks.quick).why()
    assert (why.reason, why.position, why.expected_start) == ("no_worker", 0, None)
    assert "no worker is alive: start one with `junmai-jobs worker`" in why.detail


def test_no_worker_serves_the_queue(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker("--queues", "elsewhere")
    name = started(jobs)
    why = jobs.submit(tasks.quick).why()
    assert why.reason == "no_worker"
    assert f"no worker serves the queue default ({name} serves elsewhere)" in why.detail


def test_a_worker_that_was_killed_is_none(jobs: JobQueue, start_worker: StartWorker) -> None:
    worker = start_worker()
    started(jobs)
    worker.process.kill()  # type: ignore[union-attr]
    worker.wait()
    assert reason_of(jobs.submit(tasks.quick)) == "no_worker"


def test_what_lightroom_is_to_do_waits_for_the_plugin(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    started(jobs)
    why = jobs.submit(tasks.quick.with_options(queue="lightroom")).why()
    assert why.reason == "no_worker"
    assert why.detail.endswith("start Lightroom, with the plugin")


def test_position_and_when_its_turn_comes(jobs: JobQueue, start_worker: StartWorker, gate: Gate) -> None:
    start_worker(slots=1)
    gate.run()
    handles = [jobs.submit(tasks.take_time, "/dev/null", 0.01) for _ in range(3)]
    urgent = jobs.submit(tasks.quick.with_options(priority=9))
    assert [each.why().position for each in (urgent, *handles)] == [0, 1, 2, 3]
    why = handles[0].why()
    assert (why.reason, why.expected_start) == ("position", None)
    assert why.detail.startswith(
        "1 job before it; all 1 slots that serve it have a job; when it starts is not"
    )
    gate.open()
    for each in handles:
        each.result(timeout=60)
    assert reason_of(handles[0]) == "finished"


def test_position_counts_what_its_workers_take_first(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker("--queues", "fast,default")
    started(jobs)
    jobs.pause("default", "fast", "slow")
    for queue, priority in (("slow", 9), ("fast", 5), ("default", 6), ("default", 5), ("fast", 1)):
        jobs.submit(tasks.quick.with_options(queue=queue, priority=priority))
    handle = jobs.submit(tasks.quick)
    jobs.resume("fast")
    jobs.pause("fast")
    assert handle.why().position == 2, "what is paused, as fast is, is not before it"


def test_limit_is_full_of_what_runs(jobs: JobQueue, start_worker: StartWorker, gate: Gate) -> None:
    start_worker(slots=2)
    narrow = {"concurrency": Concurrency(1, key="scanner")}
    gate.run(**narrow)
    second, third = gate.submit(**narrow), gate.submit(**narrow)
    assert reason_of(third) == "limit", "in line, and out of it"
    wait_until(lambda: third.why().status == "blocked", what="it to leave the line")
    assert third.why().detail.startswith("the limit scanner is full: 1 of 1 run, 1 wait before it")
    assert second.why().detail.startswith(
        "the limit scanner is full: 1 of 1 run; when it starts is not known"
    )
    gate.open()
    third.result(timeout=60)


def test_limit_is_full_of_what_began(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    paced = tasks.quick.with_options(rate=Rate(1, per=60, key="service"))
    jobs.submit(paced).result(timeout=60)
    why = becomes(jobs.submit(paced), "limit")
    assert why.detail == "the limit service~ is full: 1 of 1 began in 60 s"
    assert 30 < until(why) < 60


def test_dependency_names_the_jobs_and_what_the_nearest_waits_for(
    jobs: JobQueue, start_worker: StartWorker, gate: Gate
) -> None:
    start_worker(slots=1)
    parent = gate.run()
    child = jobs.submit(tasks.quick.with_options(after=[parent]))
    grandchild = jobs.submit(tasks.quick.with_options(after=[child, parent]))
    why = child.why()
    assert (why.reason, why.status, why.position) == ("dependency", "blocked", None)
    assert why.detail.startswith(
        f"it waits for the end of {parent.id} (running); of these {parent.id}: it runs on "
    )
    why = grandchild.why()
    assert f"{parent.id} (running), {child.id} (blocked)" in why.detail
    gate.open()
    assert grandchild.result(timeout=60) == 0


def test_dependency_whose_end_is_known(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    for each in [jobs.submit(tasks.take_time, "/dev/null", 0.01) for _ in range(2)]:
        each.result(timeout=60)
    parent = jobs.submit(tasks.take_time.with_options(delay=30), "/dev/null", 0.01)
    child = jobs.submit(tasks.quick.with_options(after=[parent]))
    why = child.why()
    assert "it is for later, not before" in why.detail
    assert 10 < until(why) < 35


def test_backoff_tells_the_error_and_until_when(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    again = RetryPolicy(max_retries=3, base=60, jitter=0.0)
    why = becomes(jobs.submit(tasks.fail_always.with_options(retry=again), "/dev/null"), "backoff")
    assert (why.status, why.position) == ("retrying", None)
    assert why.detail.startswith("its last run failed (")
    assert 30 < until(why) < 61


def test_scheduled_tells_until_when(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    started(jobs)
    why = jobs.submit(tasks.quick.with_options(delay=60)).why()
    assert (why.reason, why.status) == ("scheduled", "scheduled")
    assert why.detail == f"it is for later, not before {why.expected_start}"
    assert 30 < until(why) < 61


def test_needs_what_no_worker_has(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker("--offer", "scanner=1")
    started(jobs)
    why = jobs.submit(tasks.quick.with_options(needs={"scanner": 2})).why()
    assert (why.reason, why.expected_start) == ("needs", None)
    assert why.detail == "no worker that serves default has what it needs: scanner 2"


def test_needs_what_another_holds(jobs: JobQueue, start_worker: StartWorker, gate: Gate) -> None:
    start_worker("--offer", "scanner=1")
    holder = gate.run(needs={"scanner": 1})
    second = gate.submit(needs={"scanner": 1})
    why = second.why()
    assert (why.reason, why.position) == ("needs", 0)
    assert why.detail.startswith(f"what it needs is taken (scanner 1), by {holder.id}")
    gate.open()
    second.result(timeout=60)


def test_governor_in_the_workers_own_words(
    jobs: JobQueue, start_worker: StartWorker, gate: Gate, tmp_path: Path
) -> None:
    """Others use more memory than 1 %, on every machine."""
    limits = {"memory_limit_percent": 1, "memory_critical_percent": 1}
    (file := tmp_path / "limits.json").write_text(json.dumps({"processing": limits}), "utf-8")
    start_worker(JUNMAI_GOVERNOR="on", JUNMAI_CONFIG=str(file))
    name = started(jobs)
    gate.run()
    wait_until(lambda: jobs.workers()[0]["governor"]["grade"] == "none", what="the governor")
    why = jobs.submit(tasks.quick).why()
    assert (why.reason, why.position, why.expected_start) == ("governor", 0, None)
    assert why.detail.startswith(f"{name} holds back: none, any job in 0 of 2 slots: memory ")
    gate.open()


def test_unknown_task(jobs: JobQueue, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})

    @task
    def nobody_knows() -> None:
        """What no worker has imported."""

    start_worker()
    name = started(jobs)
    handle = jobs.submit(nobody_knows)
    wait_until(lambda: handle.status == "scheduled", what="a worker to have left it to others")
    why = handle.why()
    assert (why.reason, why.expected_start) == ("unknown_task", None)
    assert "no worker that serves default knows the task nobody_knows" in why.detail
    assert f"({name} knows " in why.detail


def test_newer_schema_of_the_job_and_of_one_before_it(
    jobs: JobQueue, start_worker: StartWorker, redis_server: RedisProcess
) -> None:
    start_worker()
    name = started(jobs)
    jobs.pause("default")
    newer, behind = jobs.submit(tasks.quick), jobs.submit(tasks.quick)
    with redis_server.client() as client:
        client.hset(jobs.inspector.keys.bodies, newer.id, NEWER_BODY)
    jobs.resume("default")
    why = newer.why()
    assert (why.reason, why.expected_start) == ("newer_schema", None)
    assert why.detail.startswith("its record has version 3, which no worker that serves default can read")
    assert f"({name} up to 2)" in why.detail
    why = behind.why()
    assert why.reason == "newer_schema"
    assert why.detail.startswith("that of a job before it in line has version 3")


def test_running_tells_where_and_since_when(jobs: JobQueue, start_worker: StartWorker, gate: Gate) -> None:
    start_worker()
    handle = gate.run()
    why, job = handle.why(), handle.job()
    assert (why.reason, why.status, why.position, why.expected_start) == ("running", "running", None, None)
    assert why.detail.startswith(f"it runs on {job.worker} since {job.started_at} (")
    assert why.detail.endswith("s), attempt 1 of 4")
    gate.open()


def test_finished_tells_how_and_when(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    done = jobs.submit(tasks.quick)
    done.result(timeout=60)
    assert done.why().detail == f"it succeeded at {done.job().finished_at}, attempt 1 of 4"
    no_more = RetryPolicy(max_retries=0)
    failed = jobs.submit(tasks.fail_always.with_options(retry=no_more), "/dev/null")
    wait_until(lambda: failed.status == "failed", what="it to fail")
    assert failed.why().detail.startswith(f"it failed at {failed.job().finished_at}, attempt 1 of 1: ")
    gone = jobs.submit(tasks.quick.with_options(delay=60))
    gone.cancel()
    why = gone.why()
    assert (why.reason, why.status) == ("finished", "cancelled")
    assert why.detail.startswith("it was cancelled at ")


@pytest.mark.parametrize("state", ["waiting", "finished"])
def test_the_command_prints_the_same(
    jobs: JobQueue, start_worker: StartWorker, redis_server: RedisProcess, tmp_path: Path, state: str
) -> None:
    handle = jobs.submit(tasks.quick)
    if state == "finished":
        start_worker()
        handle.result(timeout=60)
    done = typed(tmp_path / "home", "--redis", redis_server.url, "why", handle.id, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == handle.why().as_dict()
    assert list(json.loads(done.stdout)) == ["id", "status", "reason", "detail", "position", "expected_start"]
    shown = typed(tmp_path / "home", "--redis", redis_server.url, "why", handle.id)
    assert shown.stdout.startswith(f"{handle.id} is {handle.status}: {handle.why().reason}\n")
