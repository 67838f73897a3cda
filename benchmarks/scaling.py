"""How far one namespace goes, what the way to its server costs, what namespaces on a cluster add.

python -m benchmarks.scaling [processes] [distance] [cluster] [--seconds 0.6] [--json FILE]

Jobs that take time sleep: they use no processor, as if each ran on a machine of its own. What is measured is
the server and the way to it, as far as this machine has processors for the clients.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import redis

from benchmarks import bench, tasks
from benchmarks.command import one_of, output, run_main
from benchmarks.figures import markdown, number
from benchmarks.record import records_in
from benchmarks.stage import Stage, memory_folder, running, stage
from benchmarks.tasks import nap, noop, path_of, read_log
from benchmarks.worker import MAX_JOBS_PER_CHILD
from junmai_jobs import JobQueue
from junmai_jobs.config import Config
from tests.proxy import Mode, Proxy
from tests.servers import RedisProcess
from tests.topologies import Cluster
from tests.waiting import wait_until

PROCESSES = (1, 2, 4, 8, 16)
LENGTHS = (0.0, 0.001, 0.01, 0.1)
"""Seconds that a job sleeps."""
DISTANCES = (0.0, 0.001, 0.005, 0.02)
"""Seconds to the server and back."""
AHEAD = (1, 16)
_ROUNDS = 3
_FASTEST = 15_000
"""Jobs a second: no more are submitted than would last at this rate."""


class Drained(NamedTuple):
    """What it was to drain some jobs."""

    rate: float
    """Jobs a second, from the first one's start to the last one's end."""
    server: float
    """Microseconds of processor that the server used for each."""
    busy: float
    """The share of a processor that the server used meanwhile."""


def processor_seconds(server: RedisProcess) -> float:
    """How long a server has had a processor."""
    assert server.process
    return int(Path(f"/proc/{server.process.pid}/schedstat").read_text().split()[0]) / 1e9


@contextlib.contextmanager
def worker(url: str, jobs: JobQueue, slots: int, *options: str) -> Iterator[None]:
    """A worker as a user starts it, all of its processes there."""
    command = [
        sys.executable, "-m", "junmai_jobs", "--redis", url, "--namespace", jobs.namespace,
        "--tasks", tasks.__name__, "worker", "--concurrency", str(slots), "--no-governor", "--no-schedules",
        "--no-keep-awake", "--loglevel", "WARNING", "--max-jobs-per-child", str(MAX_JOBS_PER_CHILD), *options,
    ]  # fmt: skip
    with running(command):
        # As many jobs as processes, which run at once only where all of those are there.
        wait_until(lambda: len(jobs.workers()) == 1, 30, "the worker")
        jobs.submit_many(nap, [(-1, 0.2)] * slots)
        wait_until(lambda: jobs.stats()["active_tasks"] == slots, 60, f"{slots} processes")
        wait_until(
            lambda: jobs.stats()["total_pending"] + jobs.stats()["active_tasks"] == 0, 60, "them to be idle"
        )
        yield


def submit(jobs: JobQueue, count: int, seconds: float) -> None:
    """So many jobs that sleep so long."""
    if seconds:
        jobs.submit_many(nap, [(turn, seconds) for turn in range(count)])
    else:
        jobs.submit_many(noop, [(turn, path_of(turn)) for turn in range(count)])


def drain(
    queues: Sequence[JobQueue], servers: Sequence[RedisProcess], log: Path, count: int, seconds: float
) -> Drained:
    """Have the workers that are there run so many jobs from each of the queues; the median of three times."""
    return sorted(_drain(queues, servers, log, count, seconds) for _ in range(_ROUNDS))[_ROUNDS // 2]


def _drain(
    queues: Sequence[JobQueue], servers: Sequence[RedisProcess], log: Path, count: int, seconds: float
) -> Drained:
    """Once."""
    for jobs in queues:
        jobs.pause()
        submit(jobs, count, seconds)
    log.write_bytes(b"")
    before = sum(map(processor_seconds, servers))
    for jobs in queues:
        jobs.resume()
    wait_until(lambda: records_in(log) >= count * len(queues), 120, f"{count:,} jobs")
    used = sum(map(processor_seconds, servers)) - before
    times = sorted(at for _, at, _ in read_log(log))
    wait_until(lambda: all(jobs.stats()["active_tasks"] == 0 for jobs in queues), 60, "the last")
    took = (times[-1] - times[0]) / 1e9 + seconds
    ends = len(times) if seconds else len(times) - 1  # of those that take no time the last one's is not seen
    return Drained(ends / took, used / len(times) * 1e6, used / took)


def by_processes(on: Stage, seconds: float) -> dict[str, Any]:
    """For each length of a job and number of processes."""
    found: dict[float, dict[int, Drained]] = {length: {} for length in LENGTHS}
    for slots in PROCESSES:
        on.clear()
        with worker(on.server.url, on.jobs, slots):
            for length in LENGTHS:
                expected = min(_FASTEST, slots / length if length else _FASTEST)
                count = max(2 * slots, int(seconds * expected))
                found[length][slots] = drain([on.jobs], [on.server], on.log, count, length)
                print(f"{slots} processes, {length} s: {found[length][slots]}", file=sys.stderr)
    return {f"{1000 * length:g} ms": each for length, each in found.items()}


def by_distance(on: Stage, seconds: float) -> dict[str, Any]:
    """For each distance, as a PING has it, one process that claims one job at a time, or sixteen."""
    found: dict[str, dict[str, float]] = {}
    with Proxy(on.server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        for ahead in AHEAD:
            on.clear()
            proxy.mode = Mode.PASS
            with worker(url, on.jobs, 1, "--claim-ahead", str(ahead)):
                for distance in DISTANCES:
                    proxy.latency = distance / 2
                    proxy.mode = Mode.LATENCY if distance else Mode.PASS
                    row = found.setdefault(f"{1000 * distance:g} ms", {"ping_ms": round_trip(proxy.port)})
                    count = int(seconds * ahead / max(2 * distance, 0.0005 * ahead))
                    row[str(ahead)] = drain([on.jobs], [on.server], on.log, count, 0.0).rate
                    print(f"{ahead} ahead, {distance} s: {row}", file=sys.stderr)
    return found


def round_trip(port: int) -> float:
    """Milliseconds to the server and back: the median of what PINGs take."""
    with redis.Redis(port=port, single_connection_client=True) as client:
        took = []
        for _ in range(51):
            began = time.perf_counter()
            client.ping()
            took.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(took), 3)


def by_namespaces(on: Stage, seconds: float) -> dict[str, Any]:
    """One, two and three namespaces, each on its own node of a cluster, with a worker of two processes."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        cluster = stack.enter_context(contextlib.closing(Cluster(folder))).start(3)
        url = f"redis://{','.join(f'127.0.0.1:{node.port}' for node in cluster.nodes)}/0"
        queues: list[JobQueue] = []
        for node in cluster.nodes:
            with node.client() as client:
                client.config_set("appendonly", "no")
            namespace = next(cluster.namespaces(node, "studio"))
            queues.append(stack.enter_context(contextlib.closing(_queue(url, namespace, folder))))
            stack.enter_context(worker(url, queues[-1], 2))
            drained = drain(queues, cluster.nodes, on.log, int(seconds * _FASTEST / 2 / len(queues)), 0.0)
            found[str(len(queues))] = drained
            print(f"{len(queues)} namespaces: {drained}", file=sys.stderr)
    return found


def _queue(url: str, namespace: str, folder: Path) -> JobQueue:
    return JobQueue(url, namespace=namespace, config=Config(home=folder))


def table(found: dict[str, Any]) -> str:
    """The figures to be read, as Markdown."""
    parts = []
    if row := found.get("processes"):
        heads = ["a job takes", *(f"{slots}" for slots in PROCESSES)]
        rates = [
            [
                length,
                *(
                    f"{number(one.rate)} ({one.rate / each[1].rate:.1f}; {one.busy:.0%})"
                    for one in each.values()
                ),
            ]
            for length, each in row.items()
        ]
        parts.append(markdown(heads, rates))
    if row := found.get("distance"):
        heads = [
            "there and back, ms",
            *(f"{ahead} at once, jobs/s" for ahead in AHEAD),
            "ms a job",
            "a claim",
        ]
        parts.append(markdown(heads, [_distance_row(one) for one in row.values()]))
    if row := found.get("cluster"):
        heads = ["namespaces", "jobs/s", "server, us a job"]
        parts.append(
            markdown(heads, [[count, number(one.rate), number(one.server)] for count, one in row.items()])
        )
    return "\n\n".join(parts)


def _distance_row(one: dict[str, float]) -> list[str]:
    single, many = (one[str(ahead)] for ahead in AHEAD)
    taken = (1000 / single, 1000 * AHEAD[-1] / many)
    return [f"{one['ping_ms']:.2f}", number(single), number(many), *(f"{each:.2f}" for each in taken)]


def _duration(given: str) -> float:
    """Seconds, for argparse."""
    with contextlib.suppress(ValueError):
        if 0.05 <= (seconds := float(given)) <= 60:
            return seconds
    raise argparse.ArgumentTypeError(f"{given!r} is no number of seconds from 0.05 to 60")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts: dict[str, Callable[[Stage, float], dict[str, Any]]] = {
        "processes": by_processes,
        "distance": by_distance,
        "cluster": by_namespaces,
    }
    parser.add_argument("parts", nargs="*", type=one_of(parts), metavar="|".join(parts))
    parser.add_argument("--seconds", type=_duration, default=0.6, help="how long a measurement takes about")
    parser.add_argument("--json", type=output, metavar="FILE")
    options = parser.parse_args(arguments)
    with stage() as on:
        found = {name: parts[name](on, options.seconds) for name in options.parts or parts}
        found["machine"] = bench.machine(on)
    if options.json:
        plain = json.loads(json.dumps(found, default=str))
        options.json.write_text(json.dumps(plain, indent=1), "utf-8")
    print(table(found))


if __name__ == "__main__":
    run_main(main)
