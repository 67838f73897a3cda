"""How long the laws of the store are checked over very many jobs, and how long that holds up others.

python -m benchmarks.doctor [--jobs 1000000] [--json]

A server of its own with jobs in every state. The check goes through all of it, while a client beside it asks
for nothing but an answer; then the commands `doctor` and `doctor --repair` do. Fails unless each ends within
a minute, none finds anything, and no script takes over 2 ms of the server's processor. That is bounded in
two ways, of which the lesser counts: by what the processor did during the call, where the server does other
things, too, and by how long the script took on the server's clock. Each call counts as it is made the first
time, but those in which the kernel gave the processor to another program: these are told apart, as what they
take beside is the cost of that.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.blocking_cases import ERROR, RESULT
from benchmarks.command import at_least, run_main
from benchmarks.ground import Ground, ground
from junmai_jobs import endings
from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink
from junmai_jobs.inspector import Inspector
from junmai_jobs.laws import check_laws
from junmai_jobs.limits import Concurrency, Unique

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MOST_SECONDS = 60.0
MOST_SCRIPT = 2000
"""Microseconds."""
PING_EVERY = 0.001


def fill(on: Ground, count: int) -> None:
    """So many jobs: three in ten have finished, one in a hundred runs, the others wait for this and that."""
    on.register(100)
    share = count // 100
    on.ended(20 * share, endings.succeed(RESULT, 86400))
    on.ended(7 * share, endings.fail(ERROR))
    on.ended(2 * share, endings.retry(86400, ERROR))
    on.claimed(share, lease=3600)
    on.add(10 * share, delay=86400)
    parents = itertools.cycle(on.add(100))
    for _ in range(100):
        on.add(5 * share // 100, after=next(parents))
    limit = Concurrency(1, "studio")
    on.add(share // 10, queue="limited", concurrency=limit)
    for turn in range(share // 10):
        on.broker.claim(f"limited/{turn}", "1.1", ["limited"], lease=3600)
    for number in range(share):
        on.add(1, unique=Unique(key=f"photo-{number}"), batch=f"shoot-{number % 100}")
    held = on.client.hlen(on.keys.bodies)
    on.add(max(0, count - held))


class Timed(Broker):
    """Knows of each call how long the server's processor worked, in microseconds."""

    def __init__(self, on: Ground) -> None:
        super().__init__(on.broker.link, on.broker.keys.prefix[1:-2])
        self._on = on
        self.whole: list[int] = []
        self.scripts: list[int] = []
        """Of those of them that are over the limit: the lesser bound of what the script took."""
        self.preempted: list[int] = []
        """Those in which another program had the processor between."""

    def _call(self, verb: str, *rest: object, **named: object) -> list[Any]:
        taken, began = self._on.preemptions(), self._on.processor()
        reply = super()._call(verb, *rest, **named)
        took = (self._on.processor() - began) // 1000
        is_whole = self._on.preemptions() == taken
        (self.whole if is_whole else self.preempted).append(took)
        if is_whole and took > MOST_SCRIPT:
            self.scripts.append(min([took, *_slow_scripts(self._on, 10)[:1]]))
        return reply


@contextmanager
def client_beside(url: str) -> Iterator[list[float]]:
    """What a client has waited for each of its answers meanwhile, in microseconds, once this is over."""
    waits: list[float] = []
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_ask, args=(url, there), daemon=True)
    process.start()
    there.close()
    here.recv()
    try:
        yield waits
        here.send("stop")
        waits += here.recv()
    finally:
        process.kill()
        process.join()


def _ask(url: str, orders: Connection) -> None:
    client = redis.Redis.from_url(url)
    waits = []
    client.ping()
    orders.send("ready")
    while not orders.poll(PING_EVERY):
        began = time.perf_counter()
        client.ping()
        waits.append((time.perf_counter() - began) * 1e6)
    orders.send(waits)


def measure(on: Ground) -> dict[str, Any]:
    """One check of all that there is."""
    on.client.config_resetstat()
    on.client.slowlog_reset()
    on.client.config_set("slowlog-log-slower-than", 500)
    broker = Timed(on)
    with client_beside(on.server.url) as waits:
        began = time.monotonic()
        with closing(ClientLink(on.server)) as link:
            found = list(check_laws(broker, Inspector(link, on.broker.keys.prefix[1:-2])))
        took = time.monotonic() - began
    on.client.config_set("slowlog-log-slower-than", -1)
    slow = _slow_scripts(on, 100_000)
    calls = on.client.info("commandstats")["cmdstat_fcall"]
    return {
        "jobs": on.client.hlen(on.keys.bodies),
        "seconds": round(took, 1),
        "violations": [f"{each.law} {each.where}: {each.detail}" for each in found[:20]],
        "calls": calls["calls"],
        "script_mean_us": round(calls["usec"] / calls["calls"]),
        "script_worst_us": max(slow, default=500),
        "processor_us": _spread(broker.whole),
        "calls_over_limit": len(broker.scripts),
        "over_limit": sum(took > MOST_SCRIPT for took in broker.scripts),
        "preempted": len(broker.preempted),
        "processor_preempted_us": _spread(broker.preempted),
        "client_beside_us": _spread(waits),
    }


def _slow_scripts(on: Ground, most: int) -> list[int]:
    """How long those took that the server has noted as slow, in microseconds, the last first."""
    return [each["duration"] for each in on.client.slowlog_get(most) if each["command"].startswith(b"FCALL")]


def _spread(waits: Sequence[float]) -> dict[str, int]:
    ordered = sorted(waits) or [0]
    ranks = {"median": 0.5, "p99": 0.99, "worst": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(len(ordered) * at))]) for name, at in ranks.items()}


def type_doctor(on: Ground, *words: str) -> tuple[float, bool]:
    """How long the command takes, in seconds, and whether it finds that all laws are kept."""
    place = ("--redis", on.server.url, "--namespace", on.broker.keys.prefix[1:-2])
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "junmai_jobs.cli", *place, "doctor", *words, "--json"],
            env={**os.environ, "JUNMAI_HOME": home},
            check=False,  # it is told that this server writes nothing to the disk
            stdout=subprocess.PIPE,
        )
        took = time.monotonic() - began
    told = json.loads(done.stdout)
    kept = {each["name"]: each["ok"] for each in told["checks"]}["store"] is True
    return round(took, 1), kept and not told.get("repairs")


def main() -> None:
    """Print what was found, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=at_least(1000), default=1_000_000)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    with ground() as on:
        began = time.monotonic()
        fill(on, options.jobs)
        print(f"{options.jobs:,} jobs, made in {time.monotonic() - began:.0f} s", file=sys.stderr)
        found = measure(on)
        commands = {" ".join(("doctor", *words)): type_doctor(on, *words) for words in ((), ("--repair",))}
    found |= {f"{name}, s": took for name, (took, _) in commands.items()}
    if options.json:
        print(json.dumps(found))
    else:
        print(*(f"{name:20s} {value}" for name, value in found.items()), sep="\n")
    took = [found["seconds"], *(seconds for seconds, _ in commands.values())]
    sound = not found["violations"] and all(kept for _, kept in commands.values())
    sys.exit(not sound or max(took) >= MOST_SECONDS or found["over_limit"] > 0)


if __name__ == "__main__":
    run_main(main)
