"""The short benchmark: drain rate beside the bare probe, bytes per waiting job, time from submit to start.

Run as ``python -m benchmarks.bench``; see README.md for how to read it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from benchmarks import probe
from benchmarks.command import at_least, run_main
from benchmarks.stage import Stage, stage
from benchmarks.tasks import noop, path_of, read_log
from benchmarks.worker import MAX_JOBS_PER_CHILD

PROCESSES = 2
QUEUES = ("high_priority", "medium_priority", "default", "low_priority")
_VARIANTS = [noop.with_options(queue=QUEUES[turn % 4], priority=turn % 11) for turn in range(44)]
_SPACING = 0.01


def submit_mixed(on: Stage, count: int) -> None:
    """Jobs of every standard queue and priority by turns."""
    on.jobs.submit_all((_VARIANTS[number % 44], (number, path_of(number))) for number in range(count))


def drain_probe(on: Stage, count: int, *arguments: str) -> float:
    """Jobs a second of two bare probes, see there for what they can be told."""
    on.clear()
    probe.fill(on.client, count)
    with contextlib.ExitStack() as processes:
        for _ in range(PROCESSES):
            processes.enter_context(on.process("benchmarks.probe", on.server.port, *arguments))
        on.wait_for("probe", PROCESSES)
        on.client.rpush(probe.GO, *range(PROCESSES))
        on.wait_for_records(count)
    return _rate(on, count, lambda photo_id: (10 - photo_id % 11, photo_id))


def drain_worker(on: Stage, count: int) -> float:
    """Jobs a second of one worker with two slots."""
    on.clear()
    on.jobs.pause()
    submit_mixed(on, count)
    with on.worker(PROCESSES):
        on.jobs.resume()
        on.wait_for_records(count)
    return _rate(on, count, lambda photo_id: (10 - photo_id % 11, photo_id % 4, photo_id))


def _rate(on: Stage, count: int, rank: Callable[[int], tuple[int, ...]]) -> float:
    """Jobs a second by the records, which must hold every job once, and in strict order for each process."""
    rows = sorted(read_log(on.log), key=lambda row: row[1])
    assert sorted(photo_id for photo_id, _, _ in rows) == list(range(count)), "a job ran twice or not at all"
    for process in {pid for _, _, pid in rows}:
        ranks = [rank(photo_id) for photo_id, _, pid in rows if pid == process]
        assert ranks == sorted(ranks), "jobs started out of order"
    return (count - 1) / (rows[-1][1] - rows[0][1]) * 1e9


def drain(on: Stage, count: int, rounds: int) -> dict[str, Any]:
    """Both in every round, the order changing."""
    contestants = {"probe": drain_probe, "junmai-jobs": drain_worker}
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds):
        for name in sorted(contestants, reverse=turn % 2 == 0):
            rates[name].append(round(contestants[name](on, count)))
    medians = {name: statistics.median(each) for name, each in rates.items()}
    return {
        "jobs": count,
        "rates": rates,
        "medians": medians,
        "ratio": round(medians["junmai-jobs"] / medians["probe"], 2),
        "ratios": [round(ours / bare, 2) for ours, bare in zip(*reversed(rates.values()), strict=True)],
    }


def bytes_per_job(on: Stage, count: int) -> dict[str, float]:
    """What a waiting job adds to the server's used_memory, its arguments given by place and by name."""
    rows: dict[str, Callable[[int], Any]] = {
        "args": lambda number: (number, path_of(number)),
        "kwargs": lambda number: {"photo_id": number, "path": path_of(number)},
    }
    found = {}
    for form, row in rows.items():
        on.clear()
        on.jobs.stats()  # the scripts and connections that come with the first call are no job's
        before = on.client.info("memory")["used_memory"]
        on.jobs.submit_many(noop, map(row, range(count)))
        found[form] = round((on.client.info("memory")["used_memory"] - before) / count, 1)
    return found


def latency(on: Stage, count: int, queues: Sequence[str]) -> dict[str, float]:
    """Milliseconds from before ``submit`` to the function's start, with one idle worker for each queue.

    A job for each queue is submitted every 10 ms.
    """
    on.clear()
    submitted: list[int] = []
    with contextlib.ExitStack() as workers:
        for queue in queues:
            workers.enter_context(on.worker(1, queue))
        for _ in range(count):
            for queue in queues:
                submitted.append(time.monotonic_ns())
                on.jobs.submit(noop.with_options(queue=queue), len(submitted) - 1, "")
            time.sleep(_SPACING)
        on.wait_for_records(len(submitted))
    waits = [(at - submitted[photo_id]) / 1e6 for photo_id, at, _ in read_log(on.log)]
    cuts = statistics.quantiles(waits, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(max(waits), 2)}


def machine(on: Stage) -> dict[str, Any]:
    """Where the figures come from."""
    server = on.client.info("server")
    return {
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": [round(each, 1) for each in os.getloadavg()],
        "python": platform.python_version(),
        "server": f"redis {server['redis_version']}, no persistence, loopback TCP",
        **{name: version(name) for name in ("redis", "hiredis", "msgpack")},
        "processes": PROCESSES,
        "max_jobs_per_child": MAX_JOBS_PER_CHILD,
    }


def table(found: dict[str, Any]) -> str:
    """The figures to be read."""
    rates, medians = found["drain"]["rates"], found["drain"]["medians"]
    rows = [
        *(
            (f"drain, {name}", f"{medians[name]:,.0f} jobs/s ({min(each):,}-{max(each):,})")
            for name, each in rates.items()
        ),
        ("drain, ratio", f"{found['drain']['ratio']:.2f} ({', '.join(map(str, found['drain']['ratios']))})"),
        *((f"waiting job, {form}", f"{size:.0f} bytes") for form, size in found["bytes_per_job"].items()),
        *(
            (
                f"submit to start, {workers}",
                f"p50 {each['p50']} ms, p99 {each['p99']} ms, worst {each['max']} ms",
            )
            for workers, each in found["latency_ms"].items()
        ),
        *((name, str(value)) for name, value in found["machine"].items()),
    ]
    return "\n".join(f"{name:<32}{value}" for name, value in rows)


def main() -> None:
    """Run it all and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--jobs", type=at_least(2), default=20_000, help="to be drained in a round")
    parser.add_argument("--rounds", type=at_least(1), default=5)
    options = parser.parse_args()
    with stage() as on:
        found = {
            "drain": drain(on, options.jobs, options.rounds),
            "bytes_per_job": bytes_per_job(on, 100_000),
            "latency_ms": {
                "one worker": latency(on, 300, QUEUES[:1]),
                "two workers": latency(on, 300, QUEUES[:2]),
            },
            "machine": machine(on),
        }
    print(json.dumps(found) if options.json else table(found))


if __name__ == "__main__":
    run_main(main)
