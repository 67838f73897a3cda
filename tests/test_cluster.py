"""A cluster of three nodes, of which any may be addressed: all verbs, a failover, a slot that moves."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.server import Server
from tests.crossing import KINDS, NAMES, Crossing, linked, store_on
from tests.homes import in_home
from tests.topologies import Cluster, is_linked, role, slot_of
from tests.verbs.cases import CASES
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import Journal, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.command_line import CommandLine
    from tests.servers import RedisProcess
    from tests.verbs.cases import Case


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, and a replica of the first."""
    with closing(Cluster(tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster.start(3, replicas=1)


def address(*nodes: RedisProcess) -> str:
    return f"redis://{','.join(f'127.0.0.1:{node.port}' for node in nodes)}/0"


@pytest.mark.parametrize("case", CASES, ids=NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_follows_its_slot(cluster: Cluster, tmp_path: Path, case: Case, kind: str) -> None:
    """The link is new each time and first asks a wrong node; then what it knows of the right one is wrong."""
    new, wrong, old = cluster.nodes[:3]
    names = cluster.namespaces(old, f"{kind}-{case.__name__}".replace("_", "-"))
    with (
        linked(kind, Server(address(wrong), tmp_path)) as link,
        old.client() as before,
        new.client() as after,
    ):
        crossing = Crossing(case, *(store_on(link, before, next(names)) for _ in range(3)))
        crossing.before()
        for store in (crossing.twice, crossing.after):
            cluster.hand_over(slot_of(store.namespace), old, new)
        crossing.twice = store_on(link, after, crossing.twice.namespace)
        crossing.after = store_on(link, after, crossing.after.namespace)
        crossing.check()


def test_the_command_line_on_a_cluster(cluster: Cluster, cli: CommandLine) -> None:
    wrong, right = cluster.nodes[1], cluster.nodes[2]
    at = ("--redis", address(wrong), "--namespace", next(cluster.namespaces(right, "typed")))
    assert cli.run("submit", "add", "1", *at, "--tasks", "studio").code == 0
    assert cli.run("worker", "--burst", *at, "--tasks", "studio").code == 0
    assert '"succeeded": 1' in cli.run("stats", "--json", *at).out
    assert cli.run("server", "status", *at).code == 0


@pytest.fixture
def place(cluster: Cluster, tmp_path: Path) -> Iterator[Place]:
    """A namespace that the first node serves, of which there is a replica; the second node is addressed."""
    namespace = next(cluster.namespaces(cluster.nodes[0], f"at-{tmp_path.name}".replace("_", "-")))
    url = address(cluster.nodes[1], cluster.nodes[2])
    config = load_config(environ=in_home(tmp_path / "home"))
    with closing(JobQueue(url, namespace=namespace, config=config)) as jobs:
        yield Place(url, jobs, Journal(tmp_path / "journal"))


@dataclass
class Place:
    url: str
    jobs: JobQueue
    journal: Journal

    @contextmanager
    def worker(self, folder: Path) -> Iterator[None]:
        environment = {"JUNMAI_NAMESPACE": self.jobs.namespace}
        started = WorkerProcess(self, folder, ("--concurrency", "2", "--grace", "2"), environment).start()
        try:
            yield
        finally:
            started.stop()

    def run_some(self, count: int) -> None:
        """Jobs that are submitted now end, each after one run."""
        handles = [self.jobs.submit(tasks.take_time, str(self.journal), 0.005) for _ in range(count)]
        for handle in handles:
            handle.result(timeout=60)
        assert len(self.journal.runs()) == len({run.job for run in self.journal.runs()})


def test_a_worker_follows_its_slot(cluster: Cluster, place: Place, tmp_path: Path) -> None:
    """While a slot moves nothing can be done, and nothing is lost: what waits goes on where it is then."""
    slot, (source, target, *_) = slot_of(place.jobs.namespace), cluster.nodes
    waiting = [place.jobs.submit(tasks.take_time, str(place.journal), 0.005) for _ in range(20)]
    for step in cluster.move(slot, source, target):
        if step == "begun":
            with pytest.raises(StoreUnavailable, match="cannot work"):
                place.jobs.submit(tasks.quick)
    with place.worker(tmp_path / "worker"):
        for handle in waiting:
            handle.result(timeout=60)
        cluster.hand_over(slot, target, source)
        place.run_some(20)


def test_a_worker_goes_on_when_the_replica_has_taken_over(
    cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    primary, replica = cluster.nodes[0], cluster.nodes[3]
    with place.worker(tmp_path / "worker"):
        place.run_some(20)
        cluster.ask(replica, "FAILOVER")
        wait_until(lambda: role(replica) == "master" and is_linked(primary), what="the failover")
        place.run_some(20)

        killed = time.monotonic()
        replica.kill()
        try:
            wait_until(lambda: role(primary) == "master", what="the failover")
            print(f"promoted: {time.monotonic() - killed:.2f} s")
            promoted = time.monotonic()
            place.run_some(1)
            print(f"working after: {time.monotonic() - promoted:.2f} s")
            place.run_some(20)
        finally:
            replica.start()


def test_what_is_durable_follows_its_slot(place: Place) -> None:
    """The node that the jobs are on is asked whether it syncs, whichever was addressed."""
    handle = place.jobs.submit(tasks.quick.with_options(durable=True), 7)
    assert place.jobs.job(handle.id).args == [7]
