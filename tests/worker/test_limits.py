"""Limits, unique keys and machines, with real workers and real deaths."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import Concurrency, JobQueue, Rate, Status, Unique
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import Journal, queue_on

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

MOST_AT_ONCE = 2


def tokens(jobs: JobQueue, ids: list[str]) -> list[int]:
    """When each job was claimed last, in the server's microseconds."""
    return sorted(int(job.token or 0) for job in jobs.inspector.load(ids))


def most_at_once(journal: Journal, killed: Mapping[int, float]) -> int:
    """How many ran at a time; a killed run tells no end, so when each process was killed has to be told."""
    runs = journal.runs("start")
    ends = {run.token: run.time for run in journal.runs("end")}
    for run in runs:
        if run.token not in ends:
            ends[run.token] = killed[run.pid]
    moments = [(run.time, 1) for run in runs] + [(end, -1) for end in ends.values()]
    return max(itertools.accumulate(step for _, step in sorted(moments)))


def finished(jobs: JobQueue, count: int) -> bool:
    counts = jobs.stats()["jobs_by_status"]
    return bool(counts["succeeded"] + counts["failed"] + counts["cancelled"] >= count)


def rate_of(seconds: float, jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    wanted = round(50 * (seconds + 1))
    limited = tasks.record.with_options(rate=Rate(50, per=1.0))
    handles = jobs.submit_many(limited, [(str(journal),)] * wanted)
    for _ in range(3):
        start_worker("--loglevel", "WARNING", slots=1)
    wait_until(lambda: finished(jobs, wanted), seconds * 3 + 20, "the jobs")

    starts = tokens(jobs, [handle.id for handle in handles])

    assert all(later - earlier >= 1_000_000 for earlier, later in zip(starts, starts[50:], strict=False))
    # The first second's worth starts at once: the rate is that of those after it.
    spent = (starts[-1] - starts[49]) / 1e6
    assert (wanted - 50) / spent == pytest.approx(50, rel=0.02)


@pytest.mark.timeout(90)
def test_a_rate_is_kept_and_never_passed_in_any_window(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    rate_of(4, jobs, start_worker, journal)


@pytest.mark.slow
def test_a_rate_is_kept_for_20_seconds(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    rate_of(20, jobs, start_worker, journal)


def test_two_jobs_a_folder_also_when_children_are_killed(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    limited = tasks.take_time.with_options(concurrency=Concurrency(MOST_AT_ONCE, key="folder:{key}"))
    jobs.submit_many(limited, [(str(journal), 0.05, "/a b/\u5199\u771f")] * 40)
    workers = [start_worker(slots=3) for _ in range(2)]
    killed: dict[int, float] = {}
    for count in range(5, 30, 6):
        journal.wait_for(count)
        worker = workers[count % 2]
        for child in worker.family()[1:]:
            if any(run.pid == child.pid for run in journal.runs()[-2:]):
                killed[child.pid] = time.time()
                child.kill()
    wait_until(lambda: finished(jobs, 40), 40, "the jobs")

    assert jobs.stats()["jobs_by_status"]["succeeded"] == 40
    assert {job.attempt for job in jobs.jobs(limit=40)} == {1}
    assert most_at_once(journal, killed) == MOST_AT_ONCE


@pytest.mark.parametrize("seconds", [2.0, pytest.param(10.0, marks=pytest.mark.slow)])
def test_20_producers_of_one_unique_job(  # noqa: PLR0917
    redis_server: RedisProcess,
    tmp_path: Path,
    jobs: JobQueue,
    start_worker: StartWorker,
    journal: Journal,
    seconds: float,
) -> None:
    start_worker(slots=3)
    assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1
    unique = tasks.take_time.with_options(unique=Unique("sheet:{key}"))
    deadline = time.monotonic() + seconds
    ids: set[str] = set()

    def produce(number: int) -> None:
        mine = queue_on(redis_server, tmp_path / f"producer-{number}")
        while time.monotonic() < deadline:
            ids.add(mine.submit(unique, str(journal), key="/shoot").id)
        mine.close()

    producers = [threading.Thread(target=produce, args=(number,)) for number in range(20)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    wait_until(lambda: finished(jobs, len(ids) + 1), what="the last job")

    assert len(ids) > seconds * 2
    assert all(status is Status.SUCCEEDED for status in jobs.inspector.statuses(sorted(ids)).values())
    assert len(journal.runs("start")) == len(ids)
    assert most_at_once(journal, {}) == 1


@pytest.mark.timeout(90)
def test_the_one_card_runs_one_job_at_a_time_and_plain_ones_do_not_wait(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    plain_journal = Journal(tmp_path / "plain")
    on_card = tasks.take_time.with_options(needs={"gpu": 1})
    jobs.submit_many(on_card, [(str(journal), 0.04)] * 50)
    plain = jobs.submit_many(tasks.take_time, [(str(plain_journal), 0.001)] * 500)
    for _ in range(2):
        start_worker("--offer", "gpu=1,vram_mb=8000", slots=2)
    wait_until(lambda: finished(jobs, 550), 60, "the jobs")

    assert most_at_once(journal, {}) == 1
    last_plain = max(run.time for run in plain_journal.runs("end"))
    on_card_before = sum(run.time < last_plain for run in journal.runs("start"))
    assert len(plain) == 500
    # Had the plain ones waited for the card, all 50 would have been before the last of them.
    assert on_card_before < 50


@pytest.mark.timeout(90)
def test_the_whole_card_is_had_while_small_jobs_keep_coming(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    small_journal = Journal(tmp_path / "small")
    small = tasks.take_time.with_options(needs={"vram_mb": 2000})
    jobs.submit_many(small, [(str(small_journal), 0.1)] * 8)
    for _ in range(2):
        start_worker("--offer", "gpu=1,vram_mb=8000", slots=2)
    small_journal.wait_for(4)
    handle = jobs.submit(tasks.take_time.with_options(needs={"gpu": 1}), str(journal), 0.1)
    submitted = time.monotonic()
    while not handle.status.finished and time.monotonic() < submitted + 20:
        jobs.submit_many(small, [(str(small_journal), 0.1)] * 2)

    assert handle.result(timeout=1) is None
    (whole,) = journal.runs("start")
    ended = journal.runs("end")[0].time
    assert not any(whole.time <= run.time <= ended for run in small_journal.runs("start"))
