"""What is left behind by very many jobs that have come and gone: bytes, keys and entries, over time.

python -m benchmarks.growth [--jobs 2000000] [--keep 1000] [--json]

A server of its own. Jobs of all kinds go from submission to every end, by the scripts a worker calls; workers
come and go; somebody listens; the chores are done with small caps. Fails unless all is flat once the caps are
reached.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.blocking_cases import ERROR, RESULT
from benchmarks.command import at_least, run_main
from benchmarks.ground import QUEUES, Ground, ground
from benchmarks.tasks import noop, path_of
from junmai_jobs import endings
from junmai_jobs.broker import _claimed as claimed_of
from junmai_jobs.broker import pages
from junmai_jobs.endings import Ending
from junmai_jobs.job import Claimed, new_id
from junmai_jobs.limits import Concurrency, Rate, Unique
from tests.waiting import wait_until

FLAT = 0.05
SLOTS = 50
ROUND = 2000
QUEUES_KEPT = 500
_KINDS = 16


@dataclass
class Life:
    """One round after another: a worker comes, jobs are submitted, run and end, chores are done, it goes."""

    on: Ground
    keep: int
    rounds: Iterator[int] = field(default_factory=itertools.count)
    calls: Iterator[int] = field(default_factory=itertools.count)
    done: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    """Jobs by the word of their ends."""

    def begin(self, queues: int) -> None:
        """So many queues of long ago, of which as many are kept as may be."""
        past = [noop.with_options(queue=f"past-{number}").new_job((0, ""), {}) for number in range(queues)]
        for page in pages(past):
            self.on.broker.enqueue(page)
        for job in past:
            self.on.broker.cancel(job.id, new_id())

    def round(self, count: int) -> None:
        """So many jobs."""
        number = next(self.rounds)
        worker = f"worker-{number}"
        claimers = [f"{worker}/{slot}" for slot in range(SLOTS)]
        if number % 500 == 0:
            self.on.broker.listen()
        offers = [{"pool": "studio", "ram_mb": 64_000}]
        self.on.broker.register(worker, {"host": "studio", "claimers": claimers, "offers": offers})
        lanes = [*QUEUES, f"shoot-{number}", f"default+ram_mb={1000 + number}"]
        self.submit(number, count)
        while self.run(claimers, number, lanes) or self.chores(lanes):
            pass
        self.on.broker.deregister(worker, claimers, lost=number % 2 == 0)
        self.chores(lanes)
        self.done += count

    def has_settled(self) -> bool:
        """Whether nothing is kept any more that goes by itself within a second."""
        self.chores([])
        return int(self.on.client.zcard(self.on.keys.starts)) == 0

    def submit(self, number: int, count: int) -> None:
        """A few of every kind; one in sixteen is cancelled before it starts."""
        jobs, parent = [], ""
        for turn in range(count):
            options = _options(turn % _KINDS, number, turn, parent)
            job = noop.with_options(**options).new_job((turn, path_of(turn)), {})
            parent = job.id if turn % _KINDS == 0 else parent
            jobs.append(job)
        for page in pages(jobs):
            self.on.broker.enqueue(page)
        for job in jobs[1::_KINDS]:
            self.on.broker.cancel(job.id, new_id())

    def run(self, claimers: list[str], number: int, lanes: list[str]) -> int:
        """All claimers take jobs and end them until there are none; how many they had."""
        held: dict[str, Claimed] = {}
        total = 0
        for call in self.calls:
            steps = (self._step(name, f"{number}.{call}", lanes, held.get(name)) for name in claimers)
            replies = list(self.on.pipelined(steps))
            before, held = held, {}
            for name, (_, kind, *reply) in zip(claimers, replies, strict=True):
                if kind == b"JOB":
                    held[name] = claimed_of(*reply)
            if not before and not held:
                return total
            total += len(held)
            for _ in self.on.pipelined(self._asides(held)):
                pass
        raise AssertionError

    def _step(self, name: str, request: str, lanes: list[str], job: Claimed | None) -> tuple[object, ...]:
        ending: tuple[object, ...] = ()
        if job is not None:
            how = self._end_of(job)
            self.seen[how.verb] = self.seen.get(how.verb, 0) + 1
            ending = (how.verb, job.id, job.token, *how.arguments)
        arguments = (name, request, 30_000, 0, 0, " ".join(lanes), 1, *ending)
        return (*self.on.verb_head("step"), *arguments)

    @staticmethod
    def _end_of(job: Claimed) -> Ending:
        match int.from_bytes(job.id[-3:].encode()) % 10:
            case 0:
                return endings.fail(ERROR)
            case 1 | 2 if job.failures == 0:
                return endings.retry(0, ERROR)
            case 3:
                return endings.succeed(RESULT, 0.001)
            case 4:
                return endings.succeed(b"")
            case _:
                return endings.succeed(RESULT)

    def _asides(self, held: dict[str, Claimed]) -> Iterator[tuple[object, ...]]:
        """What some tasks say while they run."""
        for job in held.values():
            if int.from_bytes(job.id[-3:].encode()) % 7 == 0:
                yield self.on.verb("progress", id=job.id, token=job.token, note='{"done":1,"total":2}')
                yield self.on.verb("checkpoint", id=job.id, token=job.token, data=bytes(300))
                yield self.on.verb("log", id=job.id, token=job.token, number=1, text="read\nscored")

    def chores(self, lanes: list[str]) -> bool:
        """All of them. Whether that has made jobs ready."""
        broker = self.on.broker
        broker.reap(lanes)
        broker.promote(lanes)
        broker.resolve()
        for home in ("succeeded", "failed", "cancelled"):
            broker.prune(home, max_age=86400.0, keep=self.keep)
        broker.expire()
        broker.announce(new_id())
        broker.age(lanes, 1.0)
        broker.sample()
        return self.on.inspector.unfinished(lanes, within=1.0) > 0


def _options(kind: int, number: int, turn: int, parent: str) -> dict[str, Any]:
    """How a job of a kind is submitted."""
    usual = {"queue": QUEUES[turn % 4], "priority": turn % 11}
    return _UNUSUAL[kind](number, turn, parent) if kind in _UNUSUAL else usual


_UNUSUAL: dict[int, Callable[[int, int, str], dict[str, Any]]] = {
    2: lambda number, turn, _: {"unique": Unique(f"photo:{number}:{turn}")},
    3: lambda number, _, parent: {"after": parent, "after_policy": "continue", "batch": f"shoot-{number}"},
    4: lambda number, *_: {"concurrency": Concurrency(20, f"card-{number}")},
    5: lambda number, *_: {"rate": Rate(1000, 1.0, f"site-{number}")},
    6: lambda number, *_: {"needs": {"ram_mb": 1000 + number}},
    7: lambda number, *_: {"queue": f"shoot-{number}"},
    8: lambda *_: {"delay": 0.001},
    9: lambda number, turn, _: {
        "unique": Unique(f"folder:{turn}", scope="waiting", keep="last"),
        "id": f"{number}-{turn}",
    },
}


def sample(on: Ground, done: int) -> dict[str, int]:
    """What the namespace holds now: bytes, keys, and the entries of each key that is not a queue's."""
    client, prefix = on.client, on.keys.prefix
    memory = client.info("memory")
    found = {
        "jobs": done,
        "bytes": memory["used_memory"] - memory["mem_clients_normal"],
        "keys": client.dbsize(),
    }
    sizes = {"hash": client.hlen, "zset": client.zcard, "list": client.llen, "stream": client.xlen}
    for key in client.scan_iter(f"{prefix}*", count=1000):
        name = key.decode().removeprefix(prefix)
        short = "q" if name.startswith("q:") else name
        found[short] = found.get(short, 0) + sizes[client.type(key).decode()](key)
    return found


def grown(samples: list[dict[str, int]]) -> dict[str, tuple[int, int]]:
    """What is larger at the end than it ever was in the second quarter, by more than 5 % and a few."""
    quarter = max(1, len(samples) // 4)
    before, last = samples[quarter : 2 * quarter] or samples[:1], samples[-1]
    most = {name: max(each.get(name, 0) for each in before) for name in last}
    return {
        name: (most[name], now)
        for name, now in last.items()
        if name not in {"jobs", "minutes"} and now > most[name] * (1 + FLAT) + 20
    }


def grow(jobs: int, keep: int, samples: int = 40) -> list[dict[str, int]]:
    """Run so many jobs; so many looks at what is stored."""
    samples = max(1, min(samples, jobs // ROUND))
    with ground() as on:
        life, found, began = Life(on, keep), list[dict[str, int]](), time.monotonic()
        life.begin(QUEUES_KEPT)
        for at in range(1, samples + 1):
            while life.done < jobs * at // samples:
                life.round(ROUND)
            wait_until(life.has_settled, 60, "the last starts to be out of their rate's span")
            found.append(sample(on, life.done))
            rate = life.done / (time.monotonic() - began)
            print(
                f"{life.done:,} jobs, {rate:,.0f}/s, {found[-1]['bytes']:,} bytes",
                file=sys.stderr,
                flush=True,
            )
    return found


def table(samples: list[dict[str, int]]) -> str:
    """A row for each name, a column for some of the looks."""
    columns = samples[:: max(1, len(samples) // 8)] + samples[-1:]
    names = dict.fromkeys(name for each in samples for name in each)
    return "\n".join(
        f"{name:16s}" + "".join(f"{each.get(name, 0):>12,}" for each in columns) for name in names
    )


def main() -> None:
    """Print the table, or JSON; fails if something grows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--jobs", type=at_least(4 * ROUND), default=2_000_000)
    parser.add_argument("--keep", type=at_least(1), default=1000, help="finished jobs of each status")
    options = parser.parse_args()
    samples = grow(options.jobs, options.keep)
    growing = grown(samples)
    if options.json:
        print(json.dumps({"samples": samples, "growing": growing}))
    else:
        print(table(samples))
        print(
            "\n".join(f"{name} grows: {before:,} -> {now:,}" for name, (before, now) in growing.items())
            or "flat"
        )
    sys.exit(bool(growing))


if __name__ == "__main__":
    run_main(main)
