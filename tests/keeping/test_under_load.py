"""An export while workers run: each job that is there all the time is in it once, whole."""

from __future__ import annotations

import threading
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.archive import StoredJob
from junmai_jobs.archive_reader import read
from junmai_jobs.config import load_config
from junmai_jobs.keys import FINISHED_HOMES, Keys
from tests.chaos.audit import Store
from tests.homes import in_home
from tests.servers import RedisProcess, embedded_valkey
from tests.waiting import wait_until
from tests.worker.harness import WorkerProcess
from tests.worker.tasks import quick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 2500


@pytest.fixture
def jobs(server: RedisProcess, tmp_path: Path) -> Iterator[JobQueue]:
    with server.client() as client:
        client.flushall()
    with closing(
        JobQueue(server.url, namespace="busy", config=load_config(environ=in_home(tmp_path)))
    ) as queue:
        yield queue


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server of the other kind."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = RedisProcess(folder, binary=embedded_valkey()).start()
    yield server
    server.stop()


def finished(admin: Any, namespace: str) -> set[str]:
    keys = Keys.of(namespace)
    return {each.decode() for home in FINISHED_HOMES for each in admin.zrange(getattr(keys, home), 0, -1)}


def test_nothing_is_lost_nor_doubled(
    server: RedisProcess, valkey: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    acknowledged = {handle.id for handle in jobs.submit_many(quick, ((number,) for number in range(COUNT)))}
    for number in range(20):
        acknowledged.add(jobs.submit(quick.with_options(id=f"parent-{number}", priority=0), number).id)
        after = [f"parent-{number}"]
        acknowledged.add(jobs.submit(quick.with_options(id=f"child-{number}", after=after), number).id)
    worker = WorkerProcess(server, tmp_path / "worker", ("--namespace", "busy", "--concurrency", "2"))
    worker.start()
    over = threading.Event()

    def go_on_submitting() -> None:
        number = COUNT
        while not over.is_set():
            jobs.submit(quick, number)
            number += 1

    other = threading.Thread(target=go_on_submitting)
    file = BytesIO()
    with server.client() as admin:
        try:
            wait_until(lambda: len(finished(admin, "busy")) > COUNT // 20, what="some to be finished")
            other.start()
            before = finished(admin, "busy")
            told = jobs.export_to(file)
            later = finished(admin, "busy")
        finally:
            over.set()
            worker.stop()
            if other.ident:
                other.join()
    assert len(later) > len(before), "work has gone on meanwhile"
    records = [record for record in read(file) if isinstance(record, StoredJob)]
    homes = {record.id.decode(): record.home.decode() for record in records}
    assert len(records) == len(homes) == told.jobs >= len(acknowledged)
    assert acknowledged <= homes.keys()
    assert "" not in homes.values()
    assert {homes[job_id] for job_id in before} == {"succeeded"}
    with closing(JobQueue(valkey.url, namespace="calm", config=jobs.config)) as there:
        there.import_from(file)
        with valkey.client() as admin:
            assert all(homes_are_one(Store(admin, "calm"), acknowledged))
        again = WorkerProcess(
            valkey, tmp_path / "burst", ("--namespace", "calm", "--concurrency", "2", "--burst")
        )
        assert again.start().wait(120) == 0
        with valkey.client() as admin:
            assert acknowledged <= finished(admin, "calm")
        assert there.stats()["jobs_by_status"]["succeeded"] == told.jobs


def homes_are_one(store: Store, job_ids: set[str]) -> Iterator[bool]:
    """Whether each job has one home, in which nothing runs."""
    for job_id in job_ids:
        job = store.job(job_id)
        yield job.exists and len(job.homes) == 1 and job.homes != ("leases",)
