"""A primary that changes: by an administrator's word, by a kill, and addresses that lead nowhere."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Self

import pytest

from junmai_jobs import JobHandle, JobQueue
from junmai_jobs.config import load_config
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.server import Server
from tests.command_line import HIDDEN, CommandLine
from tests.crossing import KINDS, NAMES, Crossing, linked, store_on
from tests.homes import in_home
from tests.servers import free_port
from tests.topologies import SERVICE, Sentinels, is_linked, role
from tests.verbs.cases import CASES
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import Journal, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs.job import Status


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    with closing(Sentinels(tmp_path_factory.mktemp("sentinels"))) as group:
        yield group.start()


@pytest.fixture
def jobs(group: Sentinels, tmp_path: Path) -> Iterator[JobQueue]:
    config = load_config(environ=in_home(tmp_path / "home"))
    with closing(JobQueue(group.url, namespace=f"t{time.monotonic_ns()}", config=config)) as jobs:
        yield jobs


@contextmanager
def worker(jobs: JobQueue, group: Sentinels, folder: Path, *arguments: str) -> Iterator[WorkerProcess]:
    """A worker as a user starts it."""
    started = WorkerProcess(
        group,
        folder,
        ("--concurrency", "2", "--grace", "2", *arguments),
        {"JUNMAI_NAMESPACE": jobs.namespace},
    ).start()
    try:
        yield started
    finally:
        started.stop()


# ---- every verb ----------------------------------------------------------------------------------


Crossings = dict[tuple[str, str], Crossing]


@pytest.fixture(scope="module")
def crossings(group: Sentinels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossings]:
    """Every case on either kind of link, on its far side: the primary is another one."""
    server = Server(group.url, tmp_path_factory.mktemp("home"))
    with ExitStack() as stack:
        admin = stack.enter_context(server.client())
        made = {}
        for kind in KINDS:
            store = partial(store_on, stack.enter_context(linked(kind, server)), admin)
            for case in CASES:
                made[kind, case.__name__] = crossing = Crossing.of(case, store, kind)
                crossing.before()
        group.fail_over()
        yield made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_every_verb_crosses_a_failover(crossings: Crossings, kind: str, name: str) -> None:
    crossings[kind, name].check()


# ---- a stream of jobs ----------------------------------------------------------------------------


class Stream:
    """Submits a job every few milliseconds from a thread of its own, until told to stop."""

    def __init__(self, jobs: JobQueue, journal: Journal) -> None:
        self.jobs, self.journal = jobs, journal
        self.accepted: list[JobHandle[None]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._submit)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _submit(self) -> None:
        number = 0
        while not self._over.wait(0.01):
            number += 1
            job_id = f"job-{number}"
            while not self._over.is_set():
                # An id of its own makes a second try the same job.
                task = tasks.take_time.with_options(id=job_id)
                with suppress(StoreUnavailable):
                    self.accepted.append(self.jobs.submit(task, str(self.journal), 0.005))
                    break

    def seconds_until_work_goes_on(self, moment: float) -> float:
        """From a moment of ``time.time`` until a job that began after it has run."""
        begun = wait_until(lambda: [run for run in self.journal.runs() if run.time > moment], what="a run")
        return begun[0].time - moment


def settle(stream: Stream) -> int:
    """Every accepted job that is there ends; how many were lost."""
    ids = sorted({handle.id for handle in stream.accepted})

    def known() -> dict[str, Status]:
        return stream.jobs.inspector.statuses(ids)

    wait_until(lambda: all(status.finished for status in known().values()), what="every job to end")
    assert set(known().values()) <= {"succeeded"}
    assert {run.job for run in stream.journal.runs("end")} >= known().keys()
    print(f"accepted: {len(ids)}, lost: {len(ids) - len(known())}")
    ends = [run.job for run in stream.journal.runs("end")]
    print(f"run again: {len(ends) - len(set(ends))}")
    return len(ids) - len(known())


def replicate(group: Sentinels) -> None:
    """Return when the replica has all that was written until now."""
    with group.primary.client() as client:
        client.set("mark", 1)
        assert client.wait(1, 5000) == 1


@pytest.fixture(params=[0, 1])
def replicas(request: pytest.FixtureRequest, group: Sentinels) -> Iterator[None]:
    """How many a primary must have to take a write."""
    group.set("min-replicas-to-write", request.param)
    yield
    group.set("min-replicas-to-write", 0)


@pytest.mark.usefixtures("replicas")
def test_work_goes_on_after_a_failover(jobs: JobQueue, group: Sentinels, tmp_path: Path) -> None:
    """What the replica had is neither lost nor run again; what the old primary took afterwards may be."""
    journal = Journal(tmp_path / "journal")
    with worker(jobs, group, tmp_path / "worker"), Stream(jobs, journal) as stream:
        journal.wait_for(20)
        safe = [handle.id for handle in stream.accepted]
        done = [each for each, status in jobs.inspector.statuses(safe).items() if status.finished]
        replicate(group)
        asked = time.time()
        group.fail_over()
        print(f"failover: {time.time() - asked:.2f} s")
        late = len(stream.accepted)
        print(f"working after: {stream.seconds_until_work_goes_on(time.time()):.2f} s")
        wait_until(lambda: len(stream.accepted) > late + 20, what="more jobs")
        wait_until(lambda: jobs.stats()["total_pending"] < 20, what="the rest")
    with worker(jobs, group, tmp_path / "other"):
        settle(stream)
    later = [handle.id for handle in stream.accepted[late + 1 :]]
    assert jobs.inspector.statuses([*safe, *later]).keys() == {*safe, *later}
    ran = [run.job for run in journal.runs()]
    assert done
    assert [job_id for job_id in (*done, *later) if ran.count(job_id) != 1] == []


def test_work_goes_on_after_the_primary_is_killed(jobs: JobQueue, group: Sentinels, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    primary, replica = group.primary, group.replica
    with worker(jobs, group, tmp_path / "worker"), Stream(jobs, journal) as stream:
        journal.wait_for(20)
        safe = [handle.id for handle in stream.accepted]
        replicate(group)
        killed = time.time()
        primary.kill()
        wait_until(lambda: role(replica) == "master", what="the failover")
        print(f"promoted: {time.time() - killed:.2f} s")
        print(f"working after: {stream.seconds_until_work_goes_on(time.time()):.2f} s")
        primary.start()
        wait_until(lambda: is_linked(primary), what="the old primary to follow")
    with worker(jobs, group, tmp_path / "other"):
        settle(stream)
    assert jobs.inspector.statuses(safe).keys() == set(safe)


# ---- addresses -----------------------------------------------------------------------------------


def test_the_command_line_on_sentinels(cli: CommandLine, group: Sentinels) -> None:
    at = ("--redis", group.url)
    assert cli.run("submit", "add", "1", *at, "--tasks", "studio").code == 0
    assert cli.run("worker", "--burst", *at, "--tasks", "studio").code == 0
    assert '"succeeded": 1' in cli.run("stats", "--json", *at).out
    status = cli.run("server", "status", *at).out
    assert f"127.0.0.1:{group.primary.port}" in status


@pytest.mark.parametrize("command", [["stats"], ["server", "status"]], ids=" ".join)
def test_a_service_that_nobody_knows(cli: CommandLine, group: Sentinels, command: list[str]) -> None:
    begin = time.monotonic()
    done = cli.run(*command, "--redis", f"redis+sentinel://:{HIDDEN}@{group.places}/kitchen")
    assert (done.code, done.out) == (69, "")
    line = done.err.splitlines()[-1]
    assert line.startswith("Error: the server redis+sentinel://:***@")
    assert line.endswith("its sentinels know no service kitchen: correct the name")
    assert HIDDEN not in done.err
    assert time.monotonic() - begin < 3


def test_sentinels_that_are_away(cli: CommandLine) -> None:
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{free_port()}/{SERVICE}"
    for command in (["stats"], ["server", "status"]):
        done = cli.run(*command, "--redis", f"{url}?sentinel_password={HIDDEN}")
        assert done.code == 69
        assert "none of its sentinels answers" in done.err.splitlines()[-1]
        assert HIDDEN not in done.err


def test_a_sentinel_taken_for_a_server(group: Sentinels, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"is a sentinel: .* redis\+sentinel://"):
        Server(f"redis://127.0.0.1:{group.ports[0]}", tmp_path).check()


def test_of_several_addresses_the_primary_is_taken(group: Sentinels, tmp_path: Path) -> None:
    places = f"127.0.0.1:{free_port()},127.0.0.1:{group.replica.port},127.0.0.1:{group.primary.port}"
    server = Server(f"redis://{places}/0", tmp_path)
    server.check()
    assert server.status()["serves"] == f"127.0.0.1:{group.primary.port}"
    nobody = Server(f"redis://127.0.0.1:{group.replica.port},127.0.0.1:{group.replica.port}", tmp_path)
    with pytest.raises(StoreUnavailable, match="is a replica"):
        nobody.check()
