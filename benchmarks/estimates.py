"""How true the estimates are, and what shortest-first gains by them: a backtest on a recording of real runs.

python -m benchmarks.estimates [--record] [--runs 1020] [--recording FILE]

Each run is estimated before it is learnt, as in production: through the same code and a server, told every
five seconds. Then the second half waits in line at once, by the estimates that the first half has taught, on
one slot and on three. With ``--record`` the photo tasks run anew first, which takes minutes. It ends with 1
where a bound is not met.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import statistics
import sys
import tempfile
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least, output, run_main
from benchmarks.estimates_record import SLOTS, Ran, read, record, write
from benchmarks.stage import memory_folder
from junmai_jobs import JobQueue
from junmai_jobs.estimates import OBSERVATION_BYTES, WINDOW, Estimate, Estimates, Like, Observation, lessons
from junmai_jobs.job import new_id
from junmai_jobs.learning import TELL_EVERY
from junmai_jobs.shortest import PATIENCE, Shortest
from tests.servers import RedisProcess

RECORDING = Path(__file__).with_name("recordings") / "photo-tasks.jsonl"
HALF, MOST = (0.45, 0.55), (0.85, 0.95)
"""Such a share of all runs is to stay below the two quantiles."""
_PAGE = 200
_REPEATED = 10


class Told(NamedTuple):
    """A run, what was told of it before, and what the mean of its task would have told."""

    run: Ran
    estimate: Estimate | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often a run stayed below what was told of it."""

    count: int
    half: float
    most: float
    memory: float
    """How often it took no more memory than most do, and a twentieth: processes grow a little by each run."""
    error: float
    """Median of how far half is off, relative to what it took."""
    error_of_mean: float
    """The same of the mean of the task."""

    @classmethod
    def of(cls, told: Sequence[Told]) -> Coverage:
        """Of those of which something was told."""
        known = [
            (each.run.seconds, each.estimate.seconds, each.mean or 0.0) for each in told if each.estimate
        ]
        return cls(
            len(known),
            statistics.fmean(seconds <= guess.half for seconds, guess, _ in known),
            statistics.fmean(seconds <= guess.most for seconds, guess, _ in known),
            _share_within_memory(told),
            statistics.median(abs(guess.half - seconds) / seconds for seconds, guess, _ in known),
            statistics.median(abs(mean - seconds) / seconds for seconds, _, mean in known),
        )

    @property
    def is_true(self) -> bool:
        """Whether both are within their bounds."""
        return HALF[0] <= self.half <= HALF[1] and MOST[0] <= self.most <= MOST[1]


def _share_within_memory(told: Sequence[Told]) -> float:
    known = [
        each.run.memory <= 1.05 * each.estimate.memory.most
        for each in told
        if each.estimate and each.estimate.memory and each.run.memory
    ]
    return statistics.fmean(known) if known else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """How long jobs waited that stood in line at once. Seconds."""

    mean: float
    most: float
    """Nine of ten waited at most so long."""
    longest: float
    passed: int
    """By so many later ones the job was passed that was by the most."""

    @classmethod
    def of(cls, seconds: Sequence[float], behind: Sequence[int], slots: int) -> Line:
        """Jobs that take so long, each so many places further back, on so many slots."""
        order = sorted(range(len(seconds)), key=lambda number: (number + behind[number], number))
        free, waits = [0.0] * slots, list[float]()
        for number in order:
            waits.append(start := heapq.heappop(free))
            heapq.heappush(free, start + seconds[number])
        ordered = sorted(waits)
        return cls(
            statistics.fmean(waits),
            ordered[int(0.9 * len(ordered))],
            ordered[-1],
            max(_passed(order), default=0),
        )


def _passed(order: Sequence[int]) -> Iterator[int]:
    """Of each job in the order of their starts by how many it was passed that came later."""
    before: list[int] = []
    for place, number in enumerate(order):
        yield place - bisect_left(before, number)
        insort(before, number)


def replay(jobs: JobQueue, runs: Sequence[Ran], first: int = 0) -> list[Told]:
    """Estimate each run from the first on, then learn it, a few seconds later as a child would tell it."""
    told, untold, waited = list[Told](), dict[Like, list[Observation]](), 0.0
    known, means = Estimates(jobs.inspector), dict[str, list[float]]()
    for run in runs[:first]:
        means.setdefault(run.task, []).append(run.seconds)
    for run in runs[first:]:
        like, past = Like(*run[:3]), means.setdefault(run.task, [])
        (window,) = known.windows([like])
        told.append(
            Told(run, None if window is None else window.estimate, statistics.fmean(past) if past else None)
        )
        past.append(run.seconds)
        untold.setdefault(like, []).append(Observation(run.seconds, run.memory or None))
        waited += run.seconds / SLOTS
        if waited >= TELL_EVERY:
            jobs.broker.learn(new_id(), lessons(untold), most=WINDOW * OBSERVATION_BYTES)
            untold, waited, known = {}, 0.0, Estimates(jobs.inspector)
    jobs.broker.learn(new_id(), lessons(untold), most=WINDOW * OBSERVATION_BYTES)
    return told


def places(jobs: JobQueue, runs: Sequence[Ran]) -> list[int]:
    """How many places further back each of these stands, that are submitted in this order."""
    shortest, found = Shortest(Estimates(jobs.inspector), ["line"]), list[int]()
    for at in range(0, len(runs), _PAGE):
        found += shortest.behind([("line", Like(*run[:2])) for run in runs[at : at + _PAGE]])
    return found


@contextlib.contextmanager
def queue() -> Iterator[JobQueue]:
    """A queue on a server of its own."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        server = RedisProcess(Path(name)).start()
        try:
            with contextlib.closing(JobQueue(server.url)) as jobs:
                yield jobs
        finally:
            server.stop()


def lines(jobs: JobQueue, runs: Sequence[Ran]) -> Iterator[tuple[int, int, Line, Line]]:
    """How many jobs on how many slots, first in first out, and the shortest first."""
    half = list(runs[len(runs) // 2 :])
    for several in (half, half * _REPEATED):
        seconds, behind = [run.seconds for run in several], places(jobs, several)
        for slots in (1, 3):
            yield (
                len(several),
                slots,
                Line.of(seconds, [0] * len(several), slots),
                Line.of(seconds, behind, slots),
            )


def backtest(runs: Sequence[Ran]) -> tuple[list[Told], list[tuple[int, int, Line, Line]]]:
    """What was told of each run; and how they waited: see ``lines``."""
    half = len(runs) // 2
    with queue() as jobs:
        told = replay(jobs, runs[:half])
        found = list(lines(jobs, runs))
        return told + replay(jobs, runs, half), found


def main() -> None:
    """Replay a recording, or make one first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="run the tasks anew first")
    parser.add_argument("--runs", type=at_least(100), default=1020, help="how many, with --record")
    parser.add_argument("--recording", type=output, default=RECORDING, help="another file")
    given = parser.parse_args()
    if given.record:
        write(given.recording, record(given.runs))
    runs = read(given.recording)
    console = Console(width=110)
    told, found = backtest(runs)
    whole = Coverage.of(told)
    console.print(_coverage_table(told, whole))
    console.print(_line_table(found))
    is_bounded = all(
        shortest.passed <= PATIENCE and shortest.mean < fifo.mean for *_, fifo, shortest in found
    )
    if not (whole.is_true and is_bounded):
        sys.exit("a bound is not met")


def _coverage_table(told: Sequence[Told], whole: Coverage) -> Table:
    table = Table(title=f"{len(told):,} runs, {whole.count:,} of them estimated")
    for name in (
        "task",
        "kind",
        "runs",
        "below half",
        "below most",
        "memory +5 %",
        "half is off",
        "mean off",
    ):
        table.add_column(name)
    kinds = sorted({each.run[:2] for each in told})
    rows = [(*kind, [each for each in told if each.run[:2] == kind]) for kind in kinds]
    for task, kind, some in (*rows, ("all", "", told)):
        if any(each.estimate for each in some):
            found = Coverage.of(some)
            shares = (found.half, found.most, found.memory, found.error, found.error_of_mean)
            table.add_row(task, kind, str(found.count), *(f"{share:.1%}" for share in shares))
    return table


def _line_table(found: Sequence[tuple[int, int, Line, Line]]) -> Table:
    table = Table(title="jobs that wait in line at once, seconds")
    for name in ("jobs", "slots", "order", "mean wait", "nine of ten", "longest", "passed by", "mean is"):
        table.add_column(name)
    for count, slots, *both in found:
        for order, line in zip(("first in, first out", "shortest first"), both, strict=True):
            numbers = (f"{each:.1f}" for each in (line.mean, line.most, line.longest))
            less = f"{line.mean / both[0].mean - 1:+.1%}"
            table.add_row(f"{count:,}", str(slots), order, *numbers, f"{line.passed:,}", less)
    return table


if __name__ == "__main__":
    run_main(main)
