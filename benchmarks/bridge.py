"""The bridge under load: streams that miss nothing, requests that are answered soon, memory that stays.

python -m benchmarks.bridge [--clients 50] [--rate 200] [--seconds 30] [--away] [--json FILE]

With --away the queue's server is killed in the middle and started again: whoever asks meanwhile is told so,
and when to come back, what was accepted is done, and no stream has a gap. Exit code 1: a bound was not kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import tasks
from benchmarks.bridge_clients import Answer, Asker, Streams
from benchmarks.command import at_least, output, run_main
from benchmarks.figures import markdown
from benchmarks.record import LOG_VARIABLE
from benchmarks.stage import running
from junmai_jobs import JobQueue
from junmai_jobs.config import Config
from junmai_jobs.errors import StoreUnavailable
from tests.homes import UNGOVERNED
from tests.servers import RedisProcess
from tests.waiting import wait_until

P99_MS = 100.0
GROWTH = 0.1
"""Of the memory after the first sixth of the time, and of the threads."""
_ROOM = 4 << 20
"""Bytes below which growth means nothing."""
_SLOTS = 1
_AWAY = 4.0
"""Seconds; a request waits for the server's return for 2."""
_PATIENCE = 60.0
TOKEN = "the-token-of-a-benchmark"  # noqa: S105 - of nothing else


@dataclass(frozen=True, slots=True)
class Load:
    """So many streams, and so many requests a second, for so many seconds."""

    clients: int
    rate: int
    seconds: float
    away: bool = False
    """Whether the queue's server goes away in the middle."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the bridge takes of the machine at a moment."""

    rss: int
    threads: int
    connections: int
    """That it has at the queue's server."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a run has shown."""

    load: Load
    answers: Sequence[Answer]
    events: int
    """That happened."""
    gaps: int
    """Streams that did not tell all of them, in order, once each."""
    comebacks: int
    """How often a stream ended and its client came back."""
    lost: int
    """Jobs that were accepted and have not been done."""
    first: Sample
    last: Sample
    processor: float
    """Of a core, for the bridge."""

    def milliseconds(self, quantile: int, name: str | None = None) -> float:
        """Of a hundred requests so many were answered within this time, from when they were due."""
        took = [each.took for each in self.answers if name in {None, each.name}]
        return statistics.quantiles(took, n=100)[quantile - 1] * 1000 if len(took) > 1 else float("nan")

    def broken(self, *, timed: bool = True) -> list[str]:
        """Which bounds were not kept."""
        statuses = Counter(each.status for each in self.answers)
        allowed = {200, 201} | ({503} if self.load.away else set())
        wrong = {status: count for status, count in statuses.items() if status not in allowed}
        bounds = {
            f"errors: {wrong}": not wrong,
            f"{self.gaps} streams have a gap": not self.gaps,
            f"{self.lost} accepted jobs are not done": not self.lost,
            "nothing happened": self.events > 0,
            "a 503 says no Retry-After": all(each.told_when for each in self.answers if each.status == 503),
        }
        if self.load.away:
            bounds["nobody was told that the server is away"] = statuses[503] > 0
        elif timed:
            most = max(_ROOM, self.first.rss * GROWTH)
            bounds[f"p99 is {self.milliseconds(99):.0f} ms"] = self.milliseconds(99) < P99_MS
            bounds["memory grows"] = self.last.rss - self.first.rss <= most
            bounds["threads grow"] = self.last.threads <= self.first.threads * (1 + GROWTH) + 5
        return [what for what, kept in bounds.items() if not kept]

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        kinds = sorted({each.name for each in self.answers})
        return {
            "load": asdict(self.load),
            "answers": dict(Counter(str(each.status) for each in self.answers)),
            "milliseconds": {
                name: {str(q): round(self.milliseconds(q, name), 1) for q in (50, 95, 99)} for name in kinds
            },
            "events": self.events, "gaps": self.gaps, "comebacks": self.comebacks, "lost": self.lost,
            "first": asdict(self.first), "last": asdict(self.last), "processor": round(self.processor, 2),
            "broken": self.broken(),
        }  # fmt: skip

    def table(self) -> str:
        """For people."""
        kinds = sorted({each.name for each in self.answers})
        rows = [
            [
                name or "all",
                f"{sum(name in {None, each.name} for each in self.answers):,}",
                *(f"{self.milliseconds(q, name):.1f}" for q in (50, 95, 99)),
            ]
            for name in (*kinds, None)
        ]
        first, last, told = self.first, self.last, self.events * self.load.clients
        streams = (
            f"{self.load.clients} streams: {self.events:,} events, {told:,} told; {self.gaps} with a gap; "
            f"{self.comebacks} came back; accepted and not done: {self.lost}"
        )
        cost = (
            f"the bridge: {self.processor:.0%} of a core; memory {first.rss / 2**20:.1f} MiB, then "
            f"{last.rss / 2**20:.1f}; threads {first.threads}, then {last.threads}; connections to the "
            f"queue's server {first.connections}, then {last.connections}"
        )
        statuses = f"statuses: {dict(Counter(each.status for each in self.answers))}"
        heads = ["request", "answers", "p50 ms", "p95", "p99"]
        return "\n".join((markdown(heads, rows), "", statuses, streams, cost))


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge as a process, the server behind it, and a worker that drains it."""

    server: RedisProcess
    jobs: JobQueue
    process: psutil.Process
    port: int

    def sample(self) -> Sample:
        """What it takes now."""
        to_server = [
            each
            for each in self.process.net_connections("tcp")
            if each.raddr and each.raddr.port == self.server.port and each.status == psutil.CONN_ESTABLISHED
        ]
        return Sample(self.process.memory_info().rss, self.process.num_threads(), len(to_server))


@contextlib.contextmanager
def bridge(folder: Path) -> Iterator[Bridge]:
    """All of it on free ports, what was written on the disk; ended when the block is left."""
    server = RedisProcess(folder)
    variables = {
        "JUNMAI_HOME": str(folder / "home"), "JUNMAI_TOKEN": TOKEN, LOG_VARIABLE: str(folder / "records"),
        **UNGOVERNED,
    }  # fmt: skip
    command = [sys.executable, "-m", "junmai_jobs", "--tasks", tasks.__name__]
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        worker = [sys.executable, "-m", "benchmarks.worker", server.url, str(_SLOTS)]
        stack.enter_context(running(worker, folder / "worker", **variables))
        printed = folder / "bridge"
        serve = [*command, "--redis", server.url, "serve", "--port", "0"]
        process = stack.enter_context(running(serve, printed, **variables))
        port = wait_until(lambda: _port_in(printed, process), 30, "the bridge")
        assert port is not None
        jobs = stack.enter_context(
            contextlib.closing(JobQueue(server.url, config=Config(home=folder / "home")))
        )
        yield Bridge(server, jobs, psutil.Process(process.pid), port)


def _port_in(printed: Path, process: psutil.Popen) -> int | None:
    text = printed.read_text("utf-8") if printed.exists() else ""
    assert process.poll() is None, text
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", text)
    return int(found[1]) if found else None


def measure(load: Load) -> Found:
    """Put the load on a bridge of its own."""
    with tempfile.TemporaryDirectory() as name, bridge(Path(name)) as stage:
        start = stage.jobs.broker.listen()
        reference: list[str] = []
        asker = Asker(stage.port, TOKEN, load.rate)
        with Streams(stage.port, load.clients, start) as streams:
            wait_until(lambda: streams.open == load.clients, 30, "all streams")
            used, began = stage.process.cpu_times(), time.monotonic()
            with asker.asking(load.seconds), _going_away(stage.server, load):
                first = _watch(stage, began + load.seconds / 6, start, reference)
                _watch(stage, began + load.seconds, start, reference)
            now = stage.process.cpu_times()
            processor = (now.user + now.system - used.user - used.system) / (time.monotonic() - began)
            lost = _not_done(stage.jobs, asker.accepted)
            reference += _events(stage.jobs, start, reference)
            with contextlib.suppress(AssertionError):
                wait_until(lambda: all(len(seen) >= len(reference) for seen in streams.seen), 15)
            gaps = sum(seen != reference for seen in streams.seen)
            last = stage.sample()
        return Found(
            load, asker.answers, len(reference), gaps, streams.comebacks, lost, first, last, processor
        )


def _watch(stage: Bridge, till: float, start: str, reference: list[str]) -> Sample:
    """Note what happens, as the queue itself tells it, until that time; what the bridge takes then."""
    while (left := till - time.monotonic()) > 0:
        time.sleep(min(1.0, left))
        with contextlib.suppress(StoreUnavailable):
            reference += _events(stage.jobs, start, reference)
    return stage.sample()


def _events(jobs: JobQueue, start: str, known: Sequence[str]) -> list[str]:
    return [event.cursor for event in jobs.events(known[-1] if known else start, timeout=0)]


@contextlib.contextmanager
def _going_away(server: RedisProcess, load: Load) -> Iterator[None]:
    """Have the server killed after a third of the time, and started again when all patience is over."""
    at = load.seconds / 3
    timers = [threading.Timer(at, server.kill), threading.Timer(at + _AWAY, server.start)]
    for timer in timers if load.away else ():
        timer.start()
    try:
        yield
    finally:
        for timer in timers if load.away else ():
            timer.join()


def _not_done(jobs: JobQueue, accepted: Sequence[str]) -> int:
    """How many of these jobs have not succeeded when there was time for it."""

    def missing() -> int:
        with contextlib.suppress(StoreUnavailable):
            statuses = jobs.inspector.statuses(accepted)
            return sum(statuses.get(job_id) != "succeeded" for job_id in accepted)
        return len(accepted)

    with contextlib.suppress(AssertionError):
        wait_until(lambda: not missing(), _PATIENCE)
    return missing()


def main(given: Sequence[str] | None = None) -> None:
    """Print a table; exit with 1 where a bound was not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=at_least(1), default=50)
    parser.add_argument("--rate", type=at_least(1), default=200)
    parser.add_argument("--seconds", type=at_least(3), default=30)
    parser.add_argument("--away", action="store_true", help="kill the queue's server in the middle")
    parser.add_argument("--json", type=output, metavar="FILE")
    options = parser.parse_args(given)
    found = measure(Load(options.clients, options.rate, options.seconds, options.away))
    print(found.table())
    if options.json:
        options.json.write_text(json.dumps(found.row(), indent=1) + os.linesep, "utf-8")
    broken = found.broken()
    print(*(f"NOT KEPT: {each}" for each in broken), sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    run_main(main)
