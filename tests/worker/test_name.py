"""A worker that is called something: of its host no other is called the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import InvalidState, OptionError
from junmai_jobs.host import given_name, worker_name
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.worker.conftest import StartWorker


def test_it_is_in_the_worker_s_name() -> None:
    assert given_name(worker_name("gpu-1")) == "gpu-1"
    assert given_name(worker_name()) is None
    assert worker_name("gpu-1").split(":")[2:] != worker_name("gpu-1").split(":")[3:]


def test_a_second_one_is_refused(jobs: JobQueue, start_worker: StartWorker) -> None:
    first = start_worker("--name", "gpu-1")
    wait_until(jobs.workers, what="the first")
    other = start_worker("--name", "gpu-2")
    wait_until(lambda: len(jobs.workers()) == 2, what="one of another name")
    second = start_worker("--name", "gpu-1")
    assert second.wait(60) == 1
    assert f"a worker named gpu-1 works on this host already (process {first.pid}): stop it" in second.log()
    assert "Traceback" not in second.log()
    names = {worker["name"] for worker in jobs.workers()}
    assert {given_name(name) for name in names} == {"gpu-1", "gpu-2"}
    handle = jobs.submit(tasks.quick, 7)
    assert handle.result(timeout=60) == 7
    assert str(jobs.job(handle.id).worker).partition("/")[0] in names
    assert other.process is not None
    assert other.process.poll() is None


def test_it_is_free_when_its_worker_is_dead(jobs: JobQueue, start_worker: StartWorker) -> None:
    """At once: nobody needs to wait until the dead one is silent for long."""
    first = start_worker("--name", "gpu-1")
    wait_until(jobs.workers, what="the first")
    for process in first.family():
        process.kill()
    first.wait()
    start_worker("--name", "gpu-1")
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7


def test_another_host_may_have_the_same(
    jobs: JobQueue, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_worker("--name", "gpu-1", JUNMAI_HOST="left")
    start_worker("--name", "gpu-1", JUNMAI_HOST="right")
    wait_until(lambda: len(jobs.workers()) == 2, what="both")
    assert {worker["name"].split(":")[0] for worker in jobs.workers()} == {"left", "right"}


def test_inside_a_host(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker("--name", "gpu-1")
    wait_until(jobs.workers, what="the first")
    pool = jobs.worker(concurrency=1, name="gpu-1", loglevel="CRITICAL")
    pool.start()
    started = pool._started
    assert started is not None
    wait_until(started.over.is_set, what="the refusal")
    with pytest.raises(InvalidState, match="a worker named gpu-1 works on this host already"):
        pool.stop()


@pytest.mark.parametrize("name", ["", "a:b", "a/b", "a b", "x" * 65, "\u5199", 7])
def test_what_is_no_name(jobs: JobQueue, name: object) -> None:
    with pytest.raises(OptionError, match="give 1 to 64 of A-Z"):
        jobs.worker_settings(name=name)


def test_machines_of_different_kinds(jobs: JobQueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """Who has a card takes what needs one, first; who has none takes what is left, and never the other."""
    gpu_jobs = [jobs.submit(tasks.quick.with_options(needs={"gpu": 1}), number) for number in range(5)]
    others = [jobs.submit(tasks.quick, number) for number in range(5)]
    plain = start_worker("--name", "plain", "--offer", "ram_mb=1000", "--burst")
    assert plain.wait(60) == 0
    assert {each.status for each in others} == {"succeeded"}
    assert {each.status for each in gpu_jobs} == {"queued"}
    start_worker("--name", "card", "--offer", "gpu=1,vram_mb=8000")
    start_worker("--name", "plain", "--offer", "ram_mb=1000")
    more = [jobs.submit(tasks.quick, number) for number in range(20)]
    for handle in (*gpu_jobs, *more):
        handle.result(timeout=60)
    assert {given_name(str(each.job().worker)) for each in gpu_jobs} == {"card"}
    assert {given_name(str(each.job().worker)) for each in others} == {"plain"}
