"""A server whose disk is full: nothing is promised that is not kept, and all goes on when there is room.

With a log that is safe at every reply the server ends; with one that is safe each second it lives on and
takes no writes. So it does when it cannot save a snapshot that it was told to save.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from junmai_jobs import JobHandle, JobQueue, StoreUnavailable
from junmai_jobs.config import load_config
from tests.chaos.audit import audit
from tests.chaos.tasks import Line
from tests.embedded_servers import pid_of
from tests.faults import tasks
from tests.servers import RedisProcess, server_binary
from tests.waiting import wait_until
from tests.worker.harness import Journal, queue_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.embedded_servers import Servers
    from tests.worker.conftest import StartWorker

ROOM = 30_000  # bytes
DISK = "cannot write to its disk: free some space there, or read in its log why"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the limits of Linux")


def limited_server(folder: Path, *options: str) -> RedisProcess:
    """A server that takes a limit on its files as it takes a full disk: as an error, not as a signal."""
    folder.mkdir()
    script = folder / "limited-server"
    script.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {shlex.quote(server_binary())} \"$@\"\n")
    script.chmod(0o755)
    return RedisProcess(folder, str(script), options=("--auto-aof-rewrite-percentage", "0", *options))


def leave_room(server: RedisProcess, room: int | None) -> None:
    """Let the log grow by so many bytes and no further; None: as far as it likes."""
    assert server.process
    (log,) = server.folder.glob("appendonlydir/*.incr.aof")
    soft = resource.RLIM_INFINITY if room is None else log.stat().st_size + room
    psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


class Producer:
    """Submits, and remembers what was acknowledged."""

    def __init__(self, jobs: JobQueue, journal: Journal) -> None:
        self.jobs, self.journal = jobs, journal
        self.accepted: list[JobHandle[str]] = []

    def submit(self) -> None:
        self.accepted.append(self.jobs.submit(tasks.return_token, str(self.journal)))

    def submit_until_refused(self) -> str:
        """The text of the refusal."""
        for _ in range(5000):
            try:
                self.submit()
            except StoreUnavailable as error:
                return str(error)
        raise AssertionError("the disk does not get full")

    def submits_again(self) -> bool:
        with contextlib.suppress(StoreUnavailable):
            self.submit()
            return True
        return False

    def audit(self) -> None:
        """All that was acknowledged comes to its end, and is told truly."""
        for handle in self.accepted:
            handle.result(timeout=60)
        lines = [
            Line(run.event, run.job, run.token, run.pid)
            for run in self.journal.runs("start") + self.journal.runs("end")
        ]
        with self.jobs.server.client() as client:
            found = audit(client, self.jobs.namespace, (handle.id for handle in self.accepted), lines)
        assert found.ok, found.as_dict()
        assert found.homes["succeeded"] == len(self.accepted)


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_a_full_disk_loses_nothing_that_was_acknowledged(
    policy: str, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    server = limited_server(tmp_path / "redis", "--appendfsync", policy).start()
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        producer = Producer(stack.enter_context(closing(queue_on(server, tmp_path / "home"))), journal)
        worker = start_worker("--tasks", tasks.__name__, server=server, slots=1)
        producer.submit()
        journal.wait_for(1)

        leave_room(server, ROOM)
        refusal = producer.submit_until_refused()
        assert "\n" not in refusal
        assert (
            refusal
            == {
                "always": f"the server {server.url} cannot be reached: start it, or correct the address",
                "everysec": f"the server {server.url} {DISK}",
            }[policy]
        )
        assert not producer.submits_again()
        assert server.process
        if policy == "always":
            assert server.process.wait(60) == 1
            server.start()
        else:
            leave_room(server, None)
        wait_until(producer.submits_again, what="a job to be taken again")

        producer.audit()
        assert worker.process
        assert worker.process.poll() is None
        server.kill()
        server.start()
        producer.audit()


def test_a_snapshot_that_fails_stops_the_writes_until_one_succeeds(
    start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    server = limited_server(tmp_path / "redis", "--save", "3600 1").start()
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        producer = Producer(stack.enter_context(closing(queue_on(server, tmp_path / "home"))), journal)
        start_worker("--tasks", tasks.__name__, server=server, slots=1)
        producer.submit()
        journal.wait_for(1)
        admin = stack.enter_context(server.client())
        (server.folder / "dump.rdb").mkdir()  # where no snapshot can be put then
        admin.bgsave()

        wait_until(lambda: not producer.submits_again(), what="the snapshot to fail")
        refusal = producer.submit_until_refused()
        assert refusal == f"the server {server.url} {DISK}"

        (server.folder / "dump.rdb").rmdir()
        admin.bgsave()
        wait_until(producer.submits_again, what="the snapshot to succeed")
        producer.audit()


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """A home on a disk of 8 MiB of its own."""
    (home := tmp_path / "small").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", home], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


@pytest.mark.parametrize("policy", ["always", pytest.param("everysec", marks=pytest.mark.slow)])
def test_the_embedded_server_is_back_when_there_is_room(
    policy: str, small_home: Path, servers: Servers, journal: Journal
) -> None:
    """Its server, its watcher and its notes all find the disk full; nobody needs to be started again.

    The disk comes before the servers, which are ended while it is still there.
    """
    variables = {"JUNMAI_HOME": str(small_home), "JUNMAI_FSYNC": policy}
    embedded = servers.make(small_home, fsync=policy)
    with closing(JobQueue(config=load_config(environ=variables))) as jobs:
        producer, filler = Producer(jobs, journal), small_home / "filler"
        producer.submit()
        first = pid_of(embedded)
        with embedded_worker(small_home, variables) as worker:
            journal.wait_for(1)
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            producer.submit_until_refused()
            assert not producer.submits_again()

            filler.unlink()
            wait_until(producer.submits_again, timeout=30, what="a job to be taken again")

            producer.audit()
            assert worker.poll() is None
            assert (pid_of(embedded) == first) == (policy == "everysec")


@contextlib.contextmanager
def embedded_worker(home: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker on the embedded server of that home; its log lies elsewhere."""
    command = [sys.executable, "-m", "junmai_jobs.cli", "--tasks", tasks.__name__, "worker", "--no-schedules"]
    log = home.parent / "worker.log"
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=os.environ | variables, stdout=file, stderr=file)
    try:
        yield process
        process.terminate()
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_server_that_cannot_be_noted_is_not_left_running(servers: Servers) -> None:
    """As when a full disk takes no note: nobody would know whom to stop."""
    made = servers.make()
    made.embedded.prepare()
    (in_the_way := made.embedded.folder / "state.new").mkdir()
    with pytest.raises(StoreUnavailable, match="did not start"):
        made.start()
    socket = str(made.embedded.socket)
    running = psutil.process_iter(["cmdline"])
    assert not [each.pid for each in running if socket in " ".join(each.info["cmdline"] or ())]
    in_the_way.rmdir()
    made.start()
    assert made.status()["running"]
