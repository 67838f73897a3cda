"""How the drain rate goes as more jobs wait, and as more processes run them; see README.md.

python -m benchmarks.scale [--jobs 10000] [--rounds 3] [--json FILE] [--plot FILE.png]

The same number of jobs is drained each time: from the head of lines of which the longest has 1,000,000 behind
them, by two processes; then with nothing behind them, by one to eight.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import bench, plot
from benchmarks.command import at_least, output, run_main
from benchmarks.figures import markdown, spread
from benchmarks.stage import Stage, stage
from benchmarks.tasks import read_log

BACKLOGS = (1_000, 10_000, 100_000, 1_000_000)
SLOTS = (1, 2, 4, 8)
Rates = dict[int, list[float]]


def drain_head(on: Stage, count: int, backlog: int, slots: int) -> float:
    """Jobs a second of those at the head, while so many wait behind them."""
    on.clear()
    on.jobs.pause()
    bench.submit_mixed(on, count + backlog)
    with on.worker(slots):
        on.jobs.resume()
        on.wait_for_records(count)
    times = sorted(at for _, at, _ in read_log(on.log))[:count]
    return (count - 1) / (times[-1] - times[0]) * 1e9


def measure(
    on: Stage, count: int, rounds: int, backlogs: Sequence[int], slots: Sequence[int]
) -> dict[str, Any]:
    """All in every round, the order changing."""
    by_backlog: Rates = {backlog: [] for backlog in backlogs}
    by_slots: Rates = {number: [] for number in slots}
    for turn in range(rounds):
        step = -1 if turn % 2 else 1
        for backlog in backlogs[::step]:
            print(f"round {turn + 1}: {backlog:,} behind", file=sys.stderr)
            by_backlog[backlog].append(drain_head(on, count, backlog, bench.PROCESSES))
        for number in slots[::step]:
            print(f"round {turn + 1}: {number} slots", file=sys.stderr)
            by_slots[number].append(drain_head(on, count, 0, number))
    return {
        "jobs": count, "rounds": rounds, "machine": bench.machine(on),
        "backlog": by_backlog, "backlog_ratio": last_to_first(by_backlog),
        "slots": by_slots, "slots_ratio": last_to_first(by_slots),
    }  # fmt: skip


def last_to_first(rates: Rates) -> float:
    """Of the medians."""
    medians = [statistics.median(each) for each in rates.values()]
    return round(medians[-1] / medians[0], 2)


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    rows = [
        *((f"{backlog:,} jobs behind", spread(each)) for backlog, each in found["backlog"].items()),
        ("the most behind, to the fewest", str(found["backlog_ratio"])),
        *((f"{number} worker slots", spread(each)) for number, each in found["slots"].items()),
        ("the most slots, to the fewest", str(found["slots_ratio"])),
    ]
    return markdown(["", "jobs/s"], rows)


def numbers(least: int) -> Callable[[str], tuple[int, ...]]:
    """From there on, with commas between them, for argparse."""

    def whole_numbers(given: str) -> tuple[int, ...]:
        return tuple(map(at_least(least), given.split(",")))

    return whole_numbers


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=at_least(2), default=10_000, help="to be drained each time")
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--backlogs", type=numbers(0), default=BACKLOGS, metavar="N,N")
    parser.add_argument("--slots", type=numbers(1), default=SLOTS, metavar="N,N")
    parser.add_argument("--json", type=output, metavar="FILE")
    parser.add_argument("--plot", type=output, metavar="FILE.png")
    options = parser.parse_args(arguments)
    if options.plot:
        plot.pyplot()
    with stage() as on:
        found = measure(on, options.jobs, options.rounds, options.backlogs, options.slots)
    print(table(found), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.plot:
        plot.scales(found, options.plot)


if __name__ == "__main__":
    run_main(main)
