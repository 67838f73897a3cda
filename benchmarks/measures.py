"""What is measured of every peer: each a function of a contest and a number of jobs, to figures by name."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable

from benchmarks.contest import Contest, Row
from benchmarks.peers import LEVELS, PROCESSES
from benchmarks.record import path_of
from benchmarks.stage import ROOT, Stage
from tests.waiting import wait_until
from tests.worker.idleness import commands

Figures = dict[str, float]
Measure = Callable[[Contest, int], Figures]
QUIET = 10.0  # s
STARTS = 300
_IMPORTS = 15


def drain(contest: Contest, count: int) -> Figures:
    """Jobs a second from the gate's opening to the last start; and of all what part started late.

    A job is late when its process has started a less urgent one before.
    """
    contest.on.clear()
    contest.produce("fill", 0, count)
    with contest.workers() as workers:
        workers.gather()
        opened = workers.open()
        workers.wait_for(count)
        rows = workers.rows()
    assert sorted(photo_id for photo_id, _, _ in rows) == list(range(count)), "a job ran twice or not at all"
    started = [at for _, at, _ in rows if at > opened]
    return {
        "drain": len(started) / (started[-1] - opened) * 1e9,
        "late": late(rows) / count,
    }


def late(rows: Iterable[Row]) -> int:
    """How many jobs were started by a process that had started a less urgent one."""
    least: dict[int, int] = {}
    found = 0
    for photo_id, _, pid in rows:
        level = photo_id % LEVELS
        least[pid] = min(level, least.get(pid, level))
        found += level > least[pid]
    return found


def submit(contest: Contest, count: int) -> Figures:
    """Jobs a second, one a call."""
    contest.on.clear()
    return {"submit": (count - 1) / contest.produce("submit", 0, count)}


def bulk(contest: Contest, count: int) -> Figures:
    """Jobs a second, all in one call, where there is such a call."""
    if not contest.environment.peer.bulk:
        return {}
    contest.on.clear()
    return {"bulk": (count - 1) / contest.produce("many", 0, count)}


def size(contest: Contest, count: int) -> Figures:
    """Bytes that a waiting job adds to the server's used_memory, after the first one."""
    on = contest.on
    on.clear()
    clients = len(on.client.client_list())

    def used() -> int:
        """What a producer's connection takes is no job's."""
        wait_until(lambda: len(on.client.client_list()) <= clients, what="the producer's end")
        return int(on.client.info("memory")["used_memory"])

    contest.produce("submit", 0, 1)
    before = used()
    contest.produce("submit", 1, count)
    return {"bytes": (used() - before) / count}


def idle(contest: Contest, count: int) -> Figures:  # noqa: ARG001 - as all measures
    """Of idle workers: commands a second and process; milliseconds until a new job starts."""
    contest.on.clear()
    with contest.workers() as workers:
        first = workers.warm()
        with commands(contest.on.server.url) as sent:
            threading.Event().wait(QUIET)
        submitted = contest.produce("pace", first, STARTS)
        workers.wait_for(first + STARTS)
        rows = workers.rows()
    waits = [(at - submitted[photo_id - first]) / 1e6 for photo_id, at, _ in rows if photo_id >= first]
    cuts = statistics.quantiles(waits, n=100)
    return {"idle": sent.total() / QUIET / PROCESSES, "p50": cuts[49], "p99": cuts[98]}


def imports(contest: Contest, count: int) -> Figures:  # noqa: ARG001 - as all measures
    """Milliseconds that the import of what a producer needs adds to an empty python."""
    peer = contest.environment.peer
    took: dict[str, list[float]] = {peer.producer: [], "pass": []}
    for _ in range(_IMPORTS):
        for statement, each in took.items():
            began = time.perf_counter()
            subprocess.run([contest.environment.python, "-c", statement], cwd=ROOT, check=True)
            each.append(time.perf_counter() - began)
    longer, empty = map(statistics.median, took.values())
    return {"import": (longer - empty) * 1000}


def set_loop(on: Stage, count: int) -> Figures:
    """Beside ``submit``: calls a second of redis-py's own SET, of a path."""
    on.clear()
    rows = [(f"photo:{number}", path_of(number)) for number in range(count)]
    began = time.perf_counter()
    for row in rows:
        on.client.set(*row)
    return {"submit": count / (time.perf_counter() - began)}


MEASURES: tuple[Measure, ...] = (drain, submit, bulk, size, idle, imports)
