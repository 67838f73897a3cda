"""The queue in the test's own process: it does what a worker on a server does, and tells why if not."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import (
    Abort,
    Hook,
    InvalidState,
    JobFailed,
    JobNotFound,
    OptionError,
    Priority,
    Rate,
    ResultTimeout,
    RetryLater,
    RetryPolicy,
    SoftTimeout,
    UnknownTask,
    chord,
    current_job,
    group,
    task,
)
from junmai_jobs.task import find_task
from junmai_jobs.tasks.chores import cleanup_old_results, update_system_metrics
from junmai_jobs.testing import FakeServer, InProcessQueue
from junmai_jobs.testing.plugin import _local_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs import JobHandle

ORDER: list[str] = []


class Listener(Hook):
    def before(self, _job: object) -> None:
        ORDER.append("before")

    def after(self, _job: object, result: object) -> None:
        ORDER.append(f"after {result}")


@task(retry=RetryPolicy(max_retries=3, base=5))
def kit_tries(good: int) -> int:
    if current_job().attempt < good:
        raise ValueError("not yet")
    return current_job().attempt


@task
def kit_notes(name: str) -> str:
    ORDER.append(name)
    return name


@task
async def kit_awaits(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "awaited"


@task(hooks=[Listener()])
def kit_hooked() -> str:
    job = current_job()
    job.progress(1, 2, message="half")
    job.log("on the way")
    job.checkpoint({"at": 1})
    assert job.saved == {"at": 1}
    return str(job.submit(kit_notes, "from inside"))


@task
def kit_defers(times: int) -> str:
    job = current_job()
    done = job.saved or 0
    if done < times:
        job.checkpoint(done + 1)
        raise RetryLater(30)
    return f"after {done}"


@task
def kit_aborts() -> None:
    raise Abort("there is no card in the camera")


@task
def kit_paints() -> None:
    raise Abort("\x1b[31mred")


@task
def kit_sums(numbers: list[int]) -> int:
    return sum(numbers)


@task
def kit_gives(number: int) -> int:
    return number


@task(retry=RetryPolicy(max_retries=0))
def kit_sleeps(seconds: float) -> None:
    time.sleep(seconds)


async def _awaited(handle: JobHandle[Any]) -> object:
    return await handle.result_async()


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    ORDER.clear()


def test_a_job_runs_here_and_now(junmai: InProcessQueue) -> None:
    late, soon = kit_notes, kit_notes.with_options(priority=Priority.HIGH)
    handles = [*junmai.submit_many(late, [("a",), {"name": "b"}]), junmai.submit(soon, "c")]
    assert junmai.run_until_idle() == 3
    assert ORDER == ["c", "a", "b"]
    assert [handle.result() for handle in handles] == ["a", "b", "c"]
    assert junmai.run_until_idle() == 0
    assert junmai.stats()["jobs_by_status"]["succeeded"] == 3
    assert [worker["name"] for worker in junmai.workers()] == ["in-process-1"]
    junmai.assert_laws()


def test_a_retry_waits_until_the_clock_has_moved(junmai: InProcessQueue) -> None:
    handle = junmai.submit(kit_tries, 2)
    junmai.run_until_idle()
    assert handle.status == "retrying"
    junmai.advance(3)
    assert junmai.run_until_idle() == 0
    why = handle.why()
    assert why.reason == "backoff"
    junmai.advance(5)
    assert junmai.run_until_idle() == 1
    assert handle.result() == 2


def test_time_passes_where_it_is_let(junmai: InProcessQueue) -> None:
    tries, defers = junmai.submit(kit_tries, 3), junmai.submit(kit_defers, 2)
    delayed = junmai.submit(kit_notes.with_options(delay=3600), "an hour later")
    assert junmai.run_until_idle(advance=True) == 7
    assert (tries.result(), defers.result(), delayed.result()) == (3, "after 2", "an hour later")
    assert junmai.job(defers.id).attempt == 1


def test_what_a_task_does_with_its_job(junmai: InProcessQueue) -> None:
    handle = junmai.submit(kit_hooked)
    assert junmai.run_until_idle() == 2
    job = handle.job()
    assert [f"after {job.result}", "from inside"] == ORDER[1:]
    assert job.progress == {"done": 1, "total": 2, "message": "half"}
    assert "on the way" in job.log[0]
    assert junmai.assert_submitted(kit_notes, "from inside").id == job.result


def test_a_coroutine_runs_also_in_a_test_that_is_one(junmai: InProcessQueue) -> None:
    async def run() -> str:
        handle = junmai.submit(kit_awaits, 0)
        junmai.run_until_idle()
        return await handle.result_async(timeout=0)

    assert asyncio.run(run()) == "awaited"
    late = junmai.submit(kit_awaits.with_options(soft_timeout=0.02, retry=RetryPolicy(max_retries=0)), 60)
    junmai.run_until_idle()
    junmai.assert_failed(late, match="SoftTimeout")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such timer")
def test_a_soft_timeout_leaves_the_timer_of_the_test_as_it_was(junmai: InProcessQueue) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _frame: heard.append(number))
    left, _ = signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        handle = junmai.submit(kit_sleeps.with_options(soft_timeout=0.02), 60)
        junmai.run_until_idle()
        junmai.assert_failed(handle, match=SoftTimeout.__name__)
        assert 900 < signal.getitimer(signal.ITIMER_REAL)[0] < 1000
        signal.raise_signal(signal.SIGALRM)
        assert heard == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)


def test_an_interrupt_ends_the_test_and_not_the_job(junmai: InProcessQueue) -> None:
    class Presser(Hook):
        def after(self, _job: object, result: object) -> None:
            if result:
                signal.raise_signal(signal.SIGINT)

    @task(name="kit_is_interrupted", hooks=[Presser()])
    def interrupted(later: bool) -> bool:
        if not later:
            signal.raise_signal(signal.SIGINT)
        return later

    handler = signal.getsignal(signal.SIGINT)
    for later in (False, True):
        handle = junmai.submit(interrupted.with_options(priority=9 if later else 1), later)
        with pytest.raises(KeyboardInterrupt):
            junmai.run_until_idle()
        assert handle.status == "running"
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_workflow(junmai: InProcessQueue) -> None:
    total = chord(group(*(kit_gives.plan(number) for number in range(4))), kit_sums)
    after = kit_notes.with_options(after=[total], delay=60).plan("then")
    batch = junmai.submit_workflow(after)
    junmai.run_until_idle()
    assert batch[total].result() == 6
    assert batch[after].status == "scheduled"
    junmai.run_until_idle(advance=True)
    assert batch[after].result() == "then"


def test_schedules_fire_when_the_clock_has_moved(
    junmai: InProcessQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {chore.name: chore for chore in (cleanup_old_results, update_system_metrics)}
    monkeypatch.setattr(importlib.import_module("junmai_jobs.task"), "_registry", ours)
    ticks = task(name="kit_ticks", every="1h", catch_up="all")(lambda: ORDER.append("tick"))
    junmai.run_until_idle(advance=True)
    assert junmai.submitted(ticks) == []
    junmai.advance(2 * 3600)
    junmai.run_until_idle()
    assert ORDER == ["tick", "tick"]
    assert len(junmai.submitted()) == 2, (
        "the library's own chores, which see to the user's catalog, have none"
    )


def test_what_a_test_makes_a_task_is_none_after_it() -> None:
    def one() -> None: ...
    def other() -> None: ...

    for function in (one, other):
        with _local_tasks():
            task(name="kit_is_local")(function)
    with pytest.raises(UnknownTask):
        find_task("kit_is_local")
    assert find_task("kit_gives") is kit_gives


def test_a_running_job_can_be_cancelled(junmai: InProcessQueue) -> None:
    @task(name="kit_cancels")
    def cancels() -> None:
        job = current_job()
        assert not job.cancel_asked
        assert junmai.cancel(job.id) is False
        job.check_cancelled()

    handle = junmai.submit(cancels)
    junmai.run_until_idle()
    assert handle.status == "cancelled"
    with pytest.raises(AssertionError, match="is cancelled, not succeeded: "):
        junmai.assert_succeeded(handle)


def test_limits_and_needs_are_met(junmai: InProcessQueue) -> None:
    rated = kit_notes.with_options(rate=Rate(1, 60, key="kit"))
    handles = junmai.submit_many(rated, [("a",), ("b",)])
    handles.append(
        junmai.submit(kit_notes.with_options(needs={"gpu": 0.5, "vram_mb": 9000, "ram_mb": 10}), "c")
    )
    assert junmai.run_until_idle() == 2
    assert [handle.status for handle in handles] == ["succeeded", "blocked", "succeeded"]
    assert junmai.run_until_idle(advance=True) == 1
    junmai.assert_succeeded(handles[1])


def test_only_the_queues_that_are_named_and_never_those_served_from_outside(junmai: InProcessQueue) -> None:
    for queue in ("default", "night", "lightroom"):
        junmai.submit(kit_notes.with_options(queue=queue, id=queue), queue)
    junmai.run_until_idle(queues=["night"])
    assert ORDER == ["night"]
    junmai.pause("default")
    junmai.run_until_idle()
    junmai.resume("default")
    junmai.run_until_idle()
    assert ORDER == ["night", "default"]
    assert junmai.job("lightroom").status == "queued"


def test_what_has_no_end_is_told(junmai: InProcessQueue) -> None:
    junmai.submit(kit_defers, 1000)
    with pytest.raises(InvalidState, match="there is no end to it"):
        junmai.run_until_idle(advance=True, limit=3)
    junmai.assert_laws()
    assert junmai.stats()["active_tasks"] == 0


def test_an_assertion_tells_why(junmai: InProcessQueue) -> None:
    waiting, failed = junmai.submit(kit_tries, 9), junmai.submit(kit_aborts)
    with pytest.raises(AssertionError, match=r"\(kit_tries\) is queued, not succeeded: "):
        junmai.assert_succeeded(waiting)
    junmai.run_until_idle()
    with pytest.raises(
        AssertionError, match="is retrying, not succeeded after ValueError: not yet: it is due"
    ):
        junmai.assert_succeeded(waiting)
    with pytest.raises(AssertionError, match=r"no card in the camera\n.*Traceback[^$]*in kit_aborts"):
        junmai.assert_succeeded(failed.id)
    assert junmai.assert_failed(failed, match="no card").reason == "there is no card in the camera"
    with pytest.raises(AssertionError, match="'no film' is not found in "):
        junmai.assert_failed(failed, match="no film")
    with pytest.raises(
        AssertionError,
        match=r"kit_tries\(1\) was not submitted; of kit_tries there is 1 job:\n  kit_tries\(9\)",
    ):
        junmai.assert_submitted(kit_tries, 1)
    with pytest.raises(AssertionError, match="of kit_sums there are none"):
        junmai.assert_submitted(kit_sums, numbers=[1])
    with pytest.raises(JobNotFound, match=r"in this queue: submitted\(\) has"):
        junmai.assert_succeeded("nothing")
    junmai.submit(kit_sums, (1, 2))  # type: ignore[arg-type]
    junmai.assert_submitted(kit_sums, numbers=[1, 2])
    assert [job.task for job in junmai.submitted()] == ["kit_tries", "kit_aborts", "kit_sums"]


def test_nothing_that_a_task_raises_steers_a_terminal() -> None:
    with InProcessQueue() as queue:
        handle = queue.submit(kit_paints)
        queue.run_until_idle()
        with pytest.raises(
            AssertionError, match=r"is failed, .*: \\x1b\[31mred\n(?s:.*)Abort: \\x1b\[31mred$"
        ):
            queue.assert_succeeded(handle)
        with pytest.raises(JobFailed, match=r"Abort: \\x1b\[31mred$"):
            handle.result()


def test_without_a_disk_what_is_accepted_counts_as_durable(junmai: InProcessQueue) -> None:
    handle = junmai.submit(kit_gives.with_options(durable=True), 1)
    junmai.run_until_idle()
    junmai.assert_succeeded(handle)


def test_nobody_waits_for_what_does_not_run_by_itself(junmai: InProcessQueue) -> None:
    handle, batch = junmai.submit(kit_gives, 1), junmai.submit_workflow(kit_gives.plan(2))
    waits: list[Callable[[], object]] = [
        handle.result, batch.results, batch.handles[0].result,
        lambda: list(junmai.as_completed([handle])), lambda: asyncio.run(_awaited(handle)),
    ]  # fmt: skip
    for wait in waits:
        with pytest.raises(ResultTimeout, match=r"nothing runs by itself here: call run_until_idle\(\)"):
            wait()
    assert (junmai.wait([handle]), batch.wait()) == (([], [handle]), False)
    with pytest.raises(InvalidState, match="has no worker of its own"):
        junmai.worker(concurrency=1)
    for wrong in (-1, "1", float("nan"), 1e300):
        with pytest.raises(OptionError, match="give a number of seconds"):
            junmai.advance(wrong)  # type: ignore[arg-type]
    for option in ({"queues": "default"}, {"limit": -1}, {"limit": "1"}):
        with pytest.raises(OptionError, match="give a"):
            junmai.run_until_idle(**option)
    assert handle.status == "queued"


def test_it_may_run_in_another_thread(junmai: InProcessQueue) -> None:
    handle = junmai.submit(kit_gives, 1)
    thread = threading.Thread(target=junmai.run_until_idle)
    thread.start()
    assert handle.result(timeout=60) == 1
    thread.join()


def test_a_task_cannot_run_the_others(junmai: InProcessQueue) -> None:
    @task(name="kit_runs_others", retry=RetryPolicy(max_retries=0))
    def runs_others() -> int:
        return junmai.run_until_idle()

    handle = junmai.submit(runs_others)
    junmai.run_until_idle()
    junmai.assert_failed(handle, match="running already: a task cannot run them")


def test_two_namespaces_may_share_a_server() -> None:
    server = FakeServer()
    one, other = (InProcessQueue(server=server, namespace=name) for name in ("one", "other"))
    handle = one.submit(kit_gives, 1)
    assert other.run_until_idle() == 0
    assert one.run_until_idle() == 1
    assert (handle.result(), other.submitted()) == (1, [])


def test_nothing_of_the_users_own_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{ not JSON")
    for name in ("JUNMAI_HOME", "JUNMAI_CONFIG", "JUNMAI_REDIS_URL", "JUNMAI_NAMESPACE"):
        monkeypatch.setenv(name, str(tmp_path / "config.json"))
    jobs = InProcessQueue()
    handle = jobs.submit(kit_gives, 1)
    jobs.run_until_idle()
    assert handle.result() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_who_lacks_fakeredis_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "junmai_jobs.testing.fake")
    monkeypatch.setitem(sys.modules, "lupa", None)
    with pytest.raises(ImportError, match=r"needs lupa: pip install 'junmai-jobs\[testing\]'"):
        importlib.import_module("junmai_jobs.testing.fake")


def test_altered_text_must_be_there() -> None:
    with pytest.raises(OptionError, match="stands nowhere in the Lua"):
        InProcessQueue(altered={"no such line": ""})
