"""A server of its own with very many jobs, and how long each command blocks it."""

from __future__ import annotations

import contextlib
import itertools
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import hiredis

from benchmarks.stage import memory_folder
from benchmarks.tasks import noop, path_of
from junmai_jobs.broker import Broker
from junmai_jobs.broker import _claimed as claimed_of
from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.endings import Ending
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Claimed, NewJob
from junmai_jobs.scripts import library
from tests.servers import RedisProcess

NAMESPACE = "scale"
QUEUES = ("high_priority", "medium_priority", "default", "low_priority")
Call = Callable[[], object]
_VARIANTS = [noop.with_options(queue=QUEUES[turn % 4], priority=turn % 11) for turn in range(44)]
_LOG_LENGTH = 100_000
_PIPELINE = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one kind of call, microseconds: by the server's clock, and the longest in its processor time."""

    name: str
    calls: int
    median: float
    p99: int
    worst: int
    own_p99: int
    """As ``p99``, of the time in which the server had a processor: other programs lengthen it less."""
    own_worst: int

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass
class Ground:
    """A server and short words for what the cases do on it."""

    server: RedisProcess
    broker: Broker = field(init=False)
    inspector: Inspector = field(init=False)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.client: Any = self.server.client(socket_timeout=60)
        self._link = DedicatedLink(self.server)
        self.broker = Broker(self._link, NAMESPACE)
        self._reading = ClientLink(self.server)
        self.inspector = Inspector(self._reading, NAMESPACE)
        self.keys = self.broker.keys
        self.client.function_load(library(), replace=True)

    def close(self) -> None:
        """Drop the connections."""
        for each in (self.client, self._link, self._reading):
            each.close()

    # Building.

    def new_jobs(self, count: int, delay: float = 0, **options: Any) -> list[NewJob]:
        """Jobs of every standard queue and priority by turns."""
        made = []
        for number in itertools.islice(self.numbers, count):
            variant = _VARIANTS[number % 44]
            task = variant.with_options(delay=delay, **options) if delay or options else variant
            made.append(task.new_job((number, path_of(number)), {}))
        return made

    def add(self, count: int, **options: Any) -> list[str]:
        """Submit so many, 200 a call; their ids."""
        ids = []
        for at in range(0, count, 200):
            page = self.new_jobs(min(200, count - at), **options)
            self.broker.enqueue(page, max_waiting=10**7)
            ids += [job.id for job in page]
        return ids

    def verb(self, name: str, *rest: object, **named: object) -> tuple[object, ...]:
        """A call of a verb as a command."""
        script = self.broker._load(name)  # noqa: SLF001
        return (*self.verb_head(name), *script.arguments(*rest, **named))

    def verb_head(self, name: str) -> tuple[object, ...]:
        """Of a call of a verb what stands before its arguments."""
        script = self.broker._load(name)  # noqa: SLF001
        return ("FCALL", script.function, 1, self.keys.prefix)

    def pipelined(self, commands: Iterator[tuple[object, ...]]) -> Iterator[Any]:
        """The replies to many commands."""
        connection, pack = self._link.connection, cast("Callable[[object], bytes]", hiredis.pack_command)
        while page := list(itertools.islice(commands, _PIPELINE)):
            packed = [pack(each) for each in page]
            connection.send_packed_command(packed, check_health=False)
            yield from [connection.read_response() for _ in page]

    def claimed(self, count: int, *, lease: float = 600, slots: int = 8) -> list[tuple[str, Claimed]]:
        """So many claims, each by a claimer of its own, of workers with so many slots."""
        self.add(max(0, count - self.ready()))
        first = next(self.numbers)
        for _ in itertools.islice(self.numbers, count):
            pass
        names = [f"w{(first + turn) // slots}/{(first + turn) % slots}" for turn in range(count)]
        given = {
            "request": "1.1",
            "lease": round(lease * 1000),
            "woken": 0,
            "least": 0,
            "lanes": " ".join(QUEUES),
        }
        commands = (self.verb("claim", claimer=name, **given) for name in names)
        found = []
        for name, (word, *reply) in zip(names, self.pipelined(commands), strict=True):
            assert word == b"JOB", word
            found.append((name, claimed_of(*reply)))
        return found

    def ended(self, count: int, how: Ending) -> list[str]:
        """So many jobs that have ended so."""
        jobs = [job for _, job in self.claimed(count)]
        names = self.broker._load(how.verb).parameters[2:]  # noqa: SLF001
        named = dict(zip(names, how.arguments, strict=True))
        for _ in self.pipelined(self.verb(how.verb, id=job.id, token=job.token, **named) for job in jobs):
            pass
        return [job.id for job in jobs]

    def ready(self) -> int:
        """How many jobs can be claimed."""
        return sum(self.client.zcard(self.keys.queue(queue, "ready")) for queue in QUEUES)

    def waiting(self, count: int) -> list[str]:
        """Ids of so many jobs that wait, from anywhere in the line but its beginning."""
        self.add(max(0, 8 * count - self.ready()))
        key = self.keys.queue(QUEUES[-1], "ready")
        total = self.client.zcard(key)
        ranks = random.Random(7).sample(range(total // 4, total), count)
        with self.client.pipeline(transaction=False) as pipeline:
            for rank in ranks:
                pipeline.zrange(key, rank, rank)
            return [found[0].decode() for found in pipeline.execute()]

    def register(self, count: int, slots: int = 8) -> None:
        """So many workers that say of themselves as much as ours do."""
        for number in range(count):
            info = {
                "host": "studio", "host_id": "0" * 32, "pid": number, "mark": "1234567", "queues": None,
                "started_at": "2026-11-24T10:00:00.000Z", "offers": [], "concurrency": slots,
                "tasks": ["score_photo", "apply_preset", "export_photo", "detect_groups"],
                "claimers": [f"w{number}/{slot}" for slot in range(slots)],
            }  # fmt: skip
            self.broker.register(f"w{number}", info)

    # Measuring.

    def scripts(self, name: str, calls: Sequence[Call]) -> Iterator[Figures]:
        """Make the calls, each of which calls one script: how long that took.

        Not from SLOWLOG with a threshold of 0, which notes each command inside a script, and lengthens it.
        """
        took, own = [], []
        before = self._script_time()
        for call in calls:
            began = self.processor()
            call()
            ran = (self.processor() - began) // 1000
            took.append((now := self._script_time()) - before)
            own.append(min(ran, took[-1]))
            before = now
        assert took, f"nothing is called for {name}"
        yield _figures(name, took, own)

    def commands(self, name: str, calls: Sequence[Call]) -> Iterator[Figures]:
        """Make the calls, none of which calls a script: how long their commands took, by their words."""
        self.client.config_set("slowlog-log-slower-than", 0)
        self.client.slowlog_reset()
        for call in calls:
            call()
        self.client.config_set("slowlog-log-slower-than", -1)
        found: dict[str, list[int]] = {}
        for entry in self.client.slowlog_get(_LOG_LENGTH):
            word = entry["command"].split(b" ", 1)[0].decode()
            if word not in {"CONFIG", "SLOWLOG", "TIME", "HELLO", "CLIENT"}:
                found.setdefault(word, []).append(entry["duration"])
        assert found, f"nothing is called for {name}"
        for word, took in found.items():
            yield _figures(f"{name}: {word}", took, took)

    def _script_time(self) -> int:
        """Microseconds that scripts have taken: the same durations that SLOWLOG would show."""
        stats = self.client.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("usec", 0) for name in ("eval", "evalsha", "fcall"))

    def processor(self) -> int:
        """Nanoseconds the server has run."""
        assert self.server.process
        return int(Path(f"/proc/{self.server.process.pid}/schedstat").read_text().split()[0])

    def preemptions(self) -> int:
        """How often the kernel has given its processor to another program while it had something to do."""
        assert self.server.process
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.rpartition("nonvoluntary_ctxt_switches:")[2])


def _figures(name: str, took: Sequence[int], own: Sequence[int]) -> Figures:
    return Figures(name, len(took), statistics.median(took), _p99(took), max(took), _p99(own), max(own))


def _p99(values: Sequence[int]) -> int:
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """A server without persistence, which is ended whatever happens."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        folder = Path(name)
        options = (
            "--appendonly",
            "no",
            "--slowlog-log-slower-than",
            "-1",
            "--slowlog-max-len",
            str(_LOG_LENGTH),
        )
        server = RedisProcess(folder, options=options)
        try:
            with contextlib.closing(Ground(server.start())) as made:
                yield made
        finally:
            server.stop()
