"""A power cut takes what was written and not synced; what was acknowledged must be there all the same.

One run under a tracer is worth many cuts: for each moment it tells how much of the log was on the disk.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.broker import Broker
from junmai_jobs.config import Config
from junmai_jobs.connection import ClientLink
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.keys import FINISHED_HOMES
from tests.backends import Clock
from tests.chaos import audit as chaos
from tests.chaos.tasks import Line
from tests.faults import tasks
from tests.faults.trace import Trace, traced
from tests.servers import RedisProcess, embedded_valkey, server_binary
from tests.verbs.scenarios import work
from tests.verbs.store import Store
from tests.waiting import wait_until
from tests.worker.harness import Journal, Run, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMESPACE = "cut"
ALLOWANCE = {"always": 0.0, "everysec": 2.0}
"""Seconds for which an acknowledgement may turn out untrue."""
SECONDS = {"always": 1.5, "everysec": 3.0}
"""For how long to record: longer than the allowance."""


@dataclass
class Recording:
    """What a traced server was made to promise, and when."""

    server: RedisProcess
    binary: str
    policy: str
    accepted: list[tuple[float, str]] = field(default_factory=list)
    ended: list[tuple[float, str]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    trace: Trace = field(init=False)

    def make(self, journal: Journal) -> None:
        """Submit, run and watch for a while; then kill everybody."""
        folder, stop = self.server.folder, threading.Event()
        worker = WorkerProcess(self.server, folder, ("--tasks", tasks.__name__, "--no-schedules"))
        worker.environment["JUNMAI_NAMESPACE"] = NAMESPACE
        with closing(JobQueue(self.server.url, namespace=NAMESPACE, config=Config(home=folder))) as jobs:
            watching = threading.Thread(target=self._watch, args=(jobs, stop))
            watching.start()
            producing = [
                threading.Thread(target=self._produce, args=(jobs, journal, seed, stop)) for seed in range(2)
            ]
            worker.start()
            try:
                for each in producing:
                    each.start()
                journal.wait_for(1)
                stop.wait(SECONDS[self.policy])
                self.server.kill()
            finally:
                stop.set()
                for process in worker.family():
                    process.kill()
                worker.wait()
                for each in (*producing, watching):
                    each.join()
        wait_until(lambda: "+++ killed by" in _end_of(folder / "trace"), what="the end of the trace")
        self.trace = Trace.read(folder / "trace")
        self.runs = [*journal.runs("start"), *journal.runs("end")]

    def _produce(self, jobs: JobQueue, journal: Journal, seed: int, stop: threading.Event) -> None:
        chance = random.Random(seed)
        with contextlib.suppress(StoreUnavailable):
            while not stop.is_set():
                rows = [(str(journal), chance.choice((0.0, 0.02)))] * chance.choice((1, 1, 1, 8))
                handles = jobs.submit_many(tasks.return_token, rows)
                self.accepted += [(time.time(), handle.id) for handle in handles]
                stop.wait(0.03)

    def _watch(self, jobs: JobQueue, stop: threading.Event) -> None:
        with contextlib.suppress(StoreUnavailable):
            while not stop.is_set():
                for event in jobs.events(timeout=0.5):
                    if event.word == "succeeded":
                        self.ended.append((time.time(), event.id))

    def due(self, moment: float) -> float:
        """What was promised until then must be true after a cut at that moment; a slow disk has its time."""
        allowance = ALLOWANCE[self.policy]
        return moment - allowance - (self.trace.longest_sync if allowance else 0.0)

    def moments(self, count: int, chance: random.Random) -> list[float]:
        """When to cut: just after a promise, late enough that some must be kept; the worst moment first."""
        promised = sorted(moment for moment, _ in (*self.accepted, *self.ended))
        late = [each for each in promised if each > promised[0] + ALLOWANCE[self.policy] + 0.3]
        worst = max(late, key=lambda moment: len(self.trace.at(moment)))
        return [worst, *chance.choices(late, k=count - 1)]


def _end_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-200:]


@dataclass(frozen=True)
class Cut:
    """The power is cut at that moment, and so many bytes of the log are left."""

    recording: Recording
    moment: float
    length: int

    def restore(self, folder: Path) -> RedisProcess:
        """A server on what is left."""
        shutil.copytree(self.recording.server.folder / "appendonlydir", folder / "appendonlydir")
        (log,) = folder.glob("appendonlydir/*.incr.aof")
        with log.open("r+b") as file:
            file.truncate(self.length)
        return RedisProcess(folder, self.recording.binary, options=("--appendfsync", "no"))

    def audit(self, server: RedisProcess) -> list[float]:
        """All that must be true is; how old the acknowledgements are that have come to nothing."""
        due = self.recording.due(self.moment)
        with server.client() as client:
            store = chaos.Store(client, NAMESPACE)
            known = {token for job_id in store.ids() for token in store.job(job_id).tokens}
            journal = [
                Line(run.event, run.job, run.token, run.pid)
                for run in self.recording.runs
                if run.time <= self.moment and (run.token in known or int(run.token) / 1e6 <= due)
            ]
            promised = {job_id for moment, job_id in self.recording.accepted if moment <= due}
            found = chaos.audit(client, NAMESPACE, promised, journal)
            assert found.ok, found.as_dict()
            for moment, job_id in self.recording.ended:
                assert moment > due or store.job(job_id).homes == ("succeeded",), job_id
            return [
                self.moment - moment
                for moment, job_id in self.recording.accepted
                if moment <= self.moment and not store.job(job_id).exists
            ]

    def goes_on(self, server: RedisProcess) -> None:
        """Started again once more, all that was left comes to its end."""
        with opened(server) as store:
            promised = {name.decode() for name in store.admin.hkeys(store.keys.bodies)}
            store.add("later")
        server.kill()
        server.start()
        with opened(server) as store:
            work(store)
            homes = store.all_homes()
            for job_id in {*promised, "later"}:
                assert store.state(job_id).word in homes[job_id]
                assert set(homes[job_id]) <= set(FINISHED_HOMES)


@contextlib.contextmanager
def opened(server: RedisProcess) -> Iterator[Store]:
    link = ClientLink(server)
    with closing(link.client) as client:
        broker = Broker(link, NAMESPACE, moved_clock=True)
        yield Store(broker, client, NAMESPACE, Clock(client, broker.keys.meta).advance)


def cut_often(folder: Path, journal: Journal, policy: str, binary: str, cuts: int) -> None:
    """Record, cut so often, and see."""
    (live := folder / "live").mkdir()
    server = RedisProcess(
        live, traced(binary, live), options=("--appendfsync", policy, "--auto-aof-rewrite-percentage", "0")
    )
    recording = Recording(server.start(), binary, policy)
    try:
        recording.make(journal)
    finally:
        server.stop()
    assert recording.ended
    chance = random.Random(policy)
    lost: list[float] = []
    for number, moment in enumerate(recording.moments(cuts, chance)):
        lengths = recording.trace.at(moment)
        cut = Cut(
            recording, moment, chance.choice((lengths[0], chance.choice(lengths))) if number else lengths[0]
        )
        restored = cut.restore(folder / f"cut-{number}").start()
        try:
            lost += cut.audit(restored)
            if number % 4 == 1:
                cut.goes_on(restored)
        finally:
            restored.stop()
    print(
        f"{policy}, {cuts} cuts: of {len(recording.accepted)} acknowledgements {len(lost)} came to nothing, "
        f"the oldest {max(lost, default=0):.2f} s old"
    )
    # With everysec some must be: else this takes no power.
    assert bool(lost) == (policy == "everysec")


@pytest.mark.parametrize("policy", ALLOWANCE)
def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path, journal: Journal, policy: str) -> None:
    binary = {"always": embedded_valkey, "everysec": server_binary}[policy]()
    cut_often(tmp_path, journal, policy, binary, cuts=3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("binary", [embedded_valkey, server_binary])
@pytest.mark.parametrize("policy", ALLOWANCE)
def test_what_was_acknowledged_survives_50_power_cuts(
    tmp_path: Path, journal: Journal, policy: str, binary: Callable[[], str]
) -> None:
    cut_often(tmp_path, journal, policy, binary(), cuts=50)
