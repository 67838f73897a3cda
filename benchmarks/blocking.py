"""How long each verb, and each command of the read side, blocks a server that has very many jobs.

python -m benchmarks.blocking [--jobs 1000000] [--rounds 3] [--times 500] [--json] [SITUATION ...]

SITUATION: waiting, due or expired. A server of its own has that many jobs that wait in line, are all due at
once, or are leased to workers that are all gone. Then every verb is called, in rounds, as its callers do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks import blocking_cases
from benchmarks.blocking_cases import Case
from benchmarks.command import at_least, one_of, run_main
from benchmarks.ground import QUEUES, Figures, Ground, ground

LIMIT = 2000  # us
HEADINGS = "".join(f"{each:>11s}" for each in ("calls", "median", "p99", "own p99", "own worst", "worst"))


def waiting(on: Ground, count: int) -> None:
    """So many jobs in line."""
    on.add(count)


def due(on: Ground, count: int) -> None:
    """So many jobs whose time has come."""
    on.add(count, delay=0.001)


def expired(on: Ground, count: int) -> None:
    """So many leases that are over, of workers that nobody has heard of since."""
    for _ in range(0, count, 10_000):
        on.claimed(min(count, 10_000), lease=0.001)


def gone(on: Ground, times: int) -> Iterator[Case]:
    """The reaper: in time, and after a sleep, when it extends all leases that are over."""
    reap = partial(on.broker._call, "reap", *QUEUES, lease=3_600_000)  # noqa: SLF001
    on.client.hset(on.keys.meta, "reaped_at 3600000", round(time.time() * 1000))
    yield "reap", [reap] * (times // 5)
    on.client.hdel(on.keys.meta, "reaped_at 3600000")
    yield "reap, after a sleep", [reap] * (times // 5)


def overdue(on: Ground, times: int) -> Iterator[Case]:
    """What is due."""
    yield "promote, scheduled", [partial(on.broker._call, "promote", *QUEUES)] * (times // 5)  # noqa: SLF001


Cases = Callable[[Ground, int], Iterator[Case]]
SITUATIONS: dict[str, tuple[Callable[[Ground, int], None], tuple[Cases, ...]]] = {
    "waiting": (waiting, blocking_cases.ALL),
    "due": (due, (overdue, *blocking_cases.ALL)),
    "expired": (expired, (gone, *blocking_cases.ALL)),
}


def rounds(on: Ground, cases: Sequence[Cases], count: int, times: int) -> Iterator[list[Figures]]:
    """All cases, again and again; kinds of calls in the order in which they came."""
    on.broker.listen()
    for _ in range(count):
        found: list[Figures] = []
        for each in cases:
            measure = on.commands if each is blocking_cases.reads else on.scripts
            for name, calls in each(on, times):
                found += measure(name, calls)
        yield found


def too_long(figures: Sequence[Figures]) -> bool:
    """Whether a kind of call holds the server up: one in a hundred does, or the longest of every round."""
    return (
        min(each.own_worst for each in figures) > LIMIT
        or statistics.median(each.own_p99 for each in figures) > LIMIT
    )


def show(name: str, figures: Sequence[Figures]) -> str:
    """A row: the medians of the rounds, and the longest of the best round and of all."""
    columns = (
        sum(each.calls for each in figures),
        *(
            statistics.median(getattr(each, column) for each in figures)
            for column in ("median", "p99", "own_p99")
        ),
        min(each.own_worst for each in figures),
        max(each.worst for each in figures),
    )
    numbers = "".join(f"{round(each):>11,}" for each in columns)
    return f"{name:42s}{numbers}{'  <-- too long' if too_long(figures) else ''}"


def main() -> None:
    """Print a table for each situation, or JSON; fails if a call holds the server up too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("situations", nargs="*", type=one_of(SITUATIONS), metavar="SITUATION")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--jobs", type=at_least(1), default=1_000_000)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument(
        "--times", type=at_least(50), default=500, help="calls of a verb in a round; fewer of large ones"
    )
    options = parser.parse_args()
    found: dict[str, dict[str, list[Figures]]] = {}
    for situation in options.situations or SITUATIONS:
        build, cases = SITUATIONS[situation]
        by_name = found.setdefault(situation, {})
        with ground() as on:
            began = time.monotonic()
            on.register(1000)
            build(on, options.jobs)
            print(
                f"{situation}: {options.jobs:,} jobs, built in {time.monotonic() - began:.0f} s",
                file=sys.stderr,
            )
            for figures in rounds(on, cases, options.rounds, options.times):
                for each in figures:
                    by_name.setdefault(each.name, []).append(each)
        if not options.json:
            print(f"{situation:42s}{HEADINGS}")
            print(*(show(name, each) for name, each in by_name.items()), sep="\n", flush=True)
    if options.json:
        print(
            json.dumps(
                {name: [each.row() for row in rows.values() for each in row] for name, rows in found.items()}
            )
        )
    sys.exit(any(too_long(each) for rows in found.values() for each in rows.values()))


if __name__ == "__main__":
    run_main(main)
