"""A network that falls apart: the host that is cut off stops its jobs before others may begin them."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.namespaces import Host, hosts, need_namespaces
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import beating_tasks, tasks
from tests.worker.harness import Journal, WorkerProcess, queue_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from junmai_jobs import JobHandle, JobQueue

    Cut = Callable[[Host], None]


@dataclass(frozen=True)
class At:
    """A server as seen from one host."""

    url: str


@dataclass
class Site:
    """A server, and two hosts that reach it over a cable each."""

    redis: RedisProcess
    jobs: JobQueue
    hosts: list[Host]
    folder: Path
    lease: float = 8.0
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "journal")
        self.go = self.folder / "go"

    def start_worker(self, host: Host, slots: int) -> WorkerProcess:
        worker = WorkerProcess(
            At(f"redis://{host.server}:{self.redis.port}/0"),
            self.folder / host.name,
            ("--tasks", beating_tasks.__name__, "--lease", f"{self.lease}", "--concurrency", f"{slots}"),
            {"JUNMAI_HOST": host.name},
            inside=host.inside,
        ).start()
        self.stack.callback(worker.stop)
        return worker

    def on_both(self, count: int) -> tuple[list[JobHandle[str]], WorkerProcess]:
        """So many jobs that run on the first host, while the second idles; and the worker on the first."""
        worker = self.start_worker(self.hosts[0], count)
        handles = [
            self.jobs.submit(beating_tasks.beat, f"{self.journal}", f"{self.go}") for _ in range(count)
        ]
        self.journal.wait_for(count)
        self.start_worker(self.hosts[1], count)
        wait_until(lambda: self.workers_alive() == 2, what="both workers")
        return handles, worker

    def workers_alive(self) -> int:
        return sum(row["alive"] for row in self.jobs.workers())

    def lease_ends(self) -> dict[str, float]:
        """When the leases end as the server has it, by job."""
        with self.redis.client() as client:
            key = self.jobs.inspector.keys.queue("default", "leases")
            rows: Any = client.zrange(key, 0, -1, withscores=True)
            return {job.decode(): score / 1000 for job, score in rows}

    def check_that_nothing_overlapped(self, ends: dict[str, float]) -> None:
        """Of each job the first run was over before its lease was, and so before the second began."""
        starts, beats = self.journal.runs(), self.journal.runs("beat")
        for job_id, end in ends.items():
            first, second = (run for run in starts if run.job == job_id)
            last = max(run.time for run in (first, *beats) if run.token == first.token)
            print(f"stopped {end - last:.2f} s before, begun again {second.time - end:.2f} s after the lease")
            assert last < end
            assert last < second.time

    def check_that_each_ended_once(self, handles: list[JobHandle[str]]) -> None:
        assert [handle.result(timeout=60) for handle in handles] == ["released"] * len(handles)
        events = [[entry["event"] for entry in handle.job().history] for handle in handles]
        assert events == [["lost", "succeeded"]] * len(handles)
        second = self.journal.runs()[len(handles) :]
        ended = self.journal.runs("end")
        assert sorted(run.token for run in ended) == sorted(run.token for run in second)
        assert {handle.job().token for handle in handles} == {run.token for run in second}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    need_namespaces()
    (tmp_path / "redis").mkdir()
    redis = RedisProcess(tmp_path / "redis", options=("--bind", "0.0.0.0", "--protected-mode", "no"))  # noqa: S104
    with ExitStack() as stack:
        both = stack.enter_context(hosts(2))
        stack.callback(redis.stop)
        jobs = stack.enter_context(closing(queue_on(redis.start(), tmp_path / "home")))
        made = Site(redis, jobs, both, tmp_path)
        stack.callback(made.stack.close)
        yield made


@pytest.mark.parametrize(
    ("cut", "mend"),
    [
        pytest.param(Host.cut, Host.mend, id="hole"),
        pytest.param(Host.pull, Host.plug, id="cable", marks=pytest.mark.slow),
    ],
)
def test_a_host_that_is_cut_off_stops_in_time(site: Site, cut: Cut, mend: Cut) -> None:
    handles, worker = site.on_both(1)

    cut(site.hosts[0])
    ends = site.lease_ends()
    site.journal.wait_for(2, timeout=site.lease + 15)
    site.check_that_nothing_overlapped(ends)
    mend(site.hosts[0])

    site.go.touch()
    site.check_that_each_ended_once(handles)
    wait_until(lambda: "the server is back" in worker.log(), what="the host to be back")


@pytest.mark.slow
def test_a_minute_apart(site: Site) -> None:
    site.lease = 30.0
    handles, worker = site.on_both(3)

    site.hosts[0].cut()
    ends, cut_at = site.lease_ends(), time.monotonic()
    site.journal.wait_for(6, timeout=50)
    site.check_that_nothing_overlapped(ends)
    wait_until(lambda: time.monotonic() - cut_at > 60, 70, "a minute")
    site.hosts[0].mend()

    mended = time.monotonic()
    wait_until(lambda: "the server is back" in worker.log(), what="the host to be back")
    print(f"back {time.monotonic() - mended:.2f} s after the network")
    site.go.touch()
    site.check_that_each_ended_once(handles)
    wait_until(lambda: site.workers_alive() == 2, what="both workers")
    more = site.jobs.submit_many(tasks.take_time, [(f"{site.journal}", 0.2)] * 12)
    for handle in more:
        handle.result(timeout=60)
    assert len({run.pid for run in site.journal.runs("end")[-12:]}) > 3, "only one host works"
