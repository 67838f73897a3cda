"""A namespace with jobs in every state and what hangs on them: it is corrupted, and must come to its end."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from junmai_jobs.estimates import Observation, packed
from junmai_jobs.inspector import Inspector
from junmai_jobs.keys import FINISHED_HOMES
from junmai_jobs.laws import Violation, check_laws, repair
from tests.verbs.scenarios import schedule
from tests.verbs.store import ERROR, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.connection import ClientLink
    from junmai_jobs.job import Claimed

LANE = "default+ram_mb=1000"
QUEUES = ("default", "night", "limited", LANE)
OFFERS = [{"pool": "studio", "ram_mb": 64_000}]
WORKERS = ("w", "v", "last")
LIMIT = {"c": "folder,2"}
LEARNT = "noop|24 MP|*"
INPUT = "noop 0123456789abcdef " + "e" * 64


@dataclass
class Scene:
    """A store, its jobs by what became of them, and the runs that go on."""

    store: Store
    inspector: Inspector
    jobs: dict[str, list[str]] = field(default_factory=dict)
    """By word, as ``ready`` or ``parked``."""
    runs: dict[str, Claimed] = field(default_factory=dict)
    """Those that go on, by id."""
    schedule_name: str = "hourly"

    @classmethod
    def of(cls, store: Store, link: ClientLink) -> Scene:
        """With everything in it."""
        made = cls(store, Inspector(link, store.namespace))
        for worker in WORKERS:
            store.broker.register(worker, {"host": "studio", "pid": 1, "offers": OFFERS})
        for build in (_finished, _running, _waiting, _blocked, _limited, _beside):
            build(made)
        return made

    def check(self) -> list[Violation]:
        return list(check_laws(self.store.broker, self.inspector))

    def repair(self) -> list[Violation]:
        return list(repair(self.store.broker, self.inspector))

    def add(self, word: str, count: int, **options: Any) -> list[str]:
        """So many more jobs of a kind."""
        known = self.jobs.setdefault(word, [])
        ids = [f"{word}.{len(known) + number}" for number in range(count)]
        self.store.add(*ids, **options)
        known += ids
        return ids

    def run(self, queue: str, claimer: str) -> Claimed:
        """The next of a queue is claimed."""
        job = self.store.claim(queue, claimer=claimer)
        assert job is not None
        return job

    def end(self, word: str, how: verbs.Ending, count: int) -> None:
        """So many jobs that have run and ended so."""
        for job_id in self.add(word, count, queue="night"):
            job = self.run("night", "w/ender")
            assert job.id == job_id
            self.store.broker.end(job, how)

    def lost_runs(self) -> set[str]:
        """All runs end well; those whose end does not count."""
        lost = set()
        for job in self.runs.values():
            try:
                self.store.broker.end(job, verbs.succeed(b"\x01"))
            except StaleLease:
                lost.add(job.id)
        self.runs.clear()
        return lost

    def work(self) -> None:
        """All that waits comes to its end."""
        store, claims = self.store, 0
        for _ in range(12):
            store.advance(30)
            store.broker.reap(QUEUES, lease=60)
            store.broker.promote(QUEUES)
            store.broker.resolve()
            while (job := store.claim(*QUEUES, claimer="last/1", generation=9)) is not None:
                store.broker.end(job, verbs.succeed(b"\x01"))
                claims += 1
                assert claims < 1000

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens in this block changes nothing, whatever stands in the keys."""
        before = self._dump()
        yield
        assert self._dump() == before

    def _dump(self) -> dict[bytes, object]:
        admin = self.store.admin
        read = {
            b"hash": admin.hgetall, b"string": admin.get, b"set": admin.smembers, b"stream": admin.xrange,
            b"zset": lambda key: admin.zrange(key, 0, -1, withscores=True),
            b"list": lambda key: admin.lrange(key, 0, -1),
        }  # fmt: skip
        keys = sorted(admin.scan_iter(f"{self.store.keys.prefix}*"))
        return {key: read[admin.type(key)](key) for key in keys}

    def unfinished(self) -> set[str]:
        """The jobs that are there, and in no finished home."""
        store = self.store
        there = {job_id.decode() for job_id in store.admin.hkeys(store.keys.bodies)}
        return there - {job_id for home in FINISHED_HOMES for job_id in store.line(home)}


def _finished(scene: Scene) -> None:
    scene.end("succeeded", verbs.succeed(b"\x01", 3600), 4)
    scene.end("failed", verbs.fail(ERROR, "no"), 3)
    scene.end("retrying", verbs.retry(60, ERROR), 3)
    scene.end("deferred", verbs.defer(60), 2)
    for job_id in scene.add("cancelled", 3):
        scene.store.broker.cancel(job_id, "person")


def _running(scene: Scene) -> None:
    for number, job_id in enumerate(scene.add("running", 4, priority=9)):
        job = scene.run("default", f"v/{number}")
        assert job.id == job_id
        scene.store.broker.progress(job, {"done": 1})
        scene.store.broker.checkpoint(job, b"\x07")
        scene.store.broker.log(job, 1, "sharp")
        scene.runs[job.id] = job
    scene.add("ahead", 3, priority=9)
    for job in scene.store.claim_ahead(3, claimer="v/row"):
        scene.runs[job.id] = job
    scene.add("needy", 2, needs={"ram_mb": 1000})
    job = scene.run(LANE, "w/needy")
    scene.runs[job.id] = job


def _waiting(scene: Scene) -> None:
    scene.add("ready", 6)
    scene.add("urgent", 2, priority=8, queue="night")
    scene.add("scheduled", 3, delay=60)
    scene.add("unique", 2, extras={"u": "photo:1,alive,0,first", "b": "shoot"}, queue="night")
    scene.add("batch", 4, extras={"b": "shoot"})


def _blocked(scene: Scene) -> None:
    scene.add("parent", 1, queue="night")
    scene.add("child", 3, after=("parent.0",), after_policy="continue+")
    scene.add("late", 1, after=("ready.0", "running.0"), delay=5)


def _limited(scene: Scene) -> None:
    scene.add("limited", 2, queue="limited", extras=LIMIT)
    scene.add("parked", 3, queue="limited", extras=LIMIT)
    for number in range(2):
        job = scene.run("limited", f"v/limited{number}")
        scene.runs[job.id] = job
    assert scene.store.claim("limited", claimer="v/limited2") is None
    assert scene.store.homes("parked.2") == ["limited:blocked"]


def _beside(scene: Scene) -> None:
    store = scene.store
    store.broker.learn(str(store.request()), [(LEARNT, packed([Observation(1.0)]))], most=100)
    store.broker.listen()
    store.broker.schedule(schedule(scene.schedule_name))
    token = scene.runs["running.0"].token
    for number in range(3):
        store.broker.remember(f"noop 1 {number}", token, bytes(10), lasts=math.inf, most=9, room=9999)
    for number in range(2):
        job_id = scene.add("suspect", 1, priority=9)[0]
        job = scene.run("default", f"w/suspect{number}")
        assert job.id == job_id
        store.broker.crash(f"w/suspect{number}", store.request(), {"signal": "SIGSEGV", "input": INPUT})
        store.broker.cancel(job_id, "person")
