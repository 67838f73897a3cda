"""Ours beside every peer, in one run, by turns; see README.md for how to read it.

python -m benchmarks.compare [--peers celery,rq] [--jobs 10000] [--rounds 3] [--json FILE] [--plot FILE.png]

Each peer has a virtual environment of its own, made with pip when it is first wanted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import bench, measures, plot
from benchmarks.command import at_least, output, run_main
from benchmarks.contest import Contest, DidNotWorkError
from benchmarks.environments import FOLDER, environment
from benchmarks.figures import markdown, table
from benchmarks.measures import Figures
from benchmarks.peers import PEERS, PROCESSES
from benchmarks.stage import Stage, stage

OURS = "junmai-jobs"
SET = "redis-py, SET"
FLOOR = "floor: redis-py, one job a call"
PROBES = {
    FLOOR: (),
    "redis-py, 16 jobs a call": ("--jobs-a-call", "16"),
    "ceiling: bare socket, one job a call": ("--raw",),
    "bare socket, 16 jobs a call": ("--raw", "--jobs-a-call", "16"),
}
FAILURES = (DidNotWorkError, AssertionError, subprocess.SubprocessError)
Turn = tuple[str, Callable[[], Figures]]


@dataclass(frozen=True, slots=True)
class Found:
    """By who was measured, the figures of all rounds by name; and what could not be measured, and why."""

    on: Stage
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, what: str, measure: Callable[[], Figures]) -> None:
        """Measure, and note what comes of it; what has failed once is not tried again."""
        turn = f"{name}, {what}"
        if turn in self.failures:
            return
        print(turn, file=sys.stderr)
        try:
            figures = measure()
        except FAILURES as error:
            self.on.client.ping()
            self.fail(turn, error)
        else:
            for figure, value in figures.items():
                self.figures.setdefault(name, {}).setdefault(figure, []).append(value)

    def fail(self, what: str, error: Exception) -> None:
        """Note it, and say it at once."""
        self.failures[what] = str(error)
        print(f"{what} failed: {error}", file=sys.stderr)


def contests(on: Stage, names: Sequence[str], folder: Path, found: Found) -> Iterator[Contest]:
    """Ours and these, in their environments."""
    for name in (OURS, *names):
        try:
            yield Contest(on, name, environment(name, PEERS[name], folder))
        except subprocess.CalledProcessError as error:
            found.fail(f"{name}, installation", error)


def probes(on: Stage, measure: measures.Measure, count: int) -> list[Turn]:
    """What stands beside a measure, to tell how fast the machine is."""

    def probe(*arguments: str) -> Figures:
        return {"drain": bench.drain_probe(on, count, *arguments)}

    if measure is measures.drain:
        return [(name, partial(probe, *arguments)) for name, arguments in PROBES.items()]
    if measure is measures.submit:
        return [(SET, partial(measures.set_loop, on, count))]
    return []


def compare(on: Stage, wanted: Sequence[measures.Measure], options: argparse.Namespace) -> dict[str, Any]:
    """One measure after the other, all by turns, the order changing from round to round."""
    found = Found(on)
    rivals = list(contests(on, options.peers, options.envs, found))
    for number in range(options.rounds):
        for measure in wanted:
            turns: list[Turn] = [(each.name, partial(measure, each, options.jobs)) for each in rivals]
            turns += probes(on, measure, options.jobs)
            for name, turn in turns[:: -1 if number % 2 else 1]:
                found.take(name, measure.__name__, turn)
    about = {
        each.name: {
            "settings": each.environment.peer.settings,
            "keeps": each.environment.peer.keeps,
            "strict": each.environment.peer.strict,
            "versions": each.environment.versions(),
        }
        for each in rivals
    }
    return {
        "jobs": options.jobs, "rounds": options.rounds, "machine": bench.machine(on), "peers": about,
        "figures": found.figures, "failures": found.failures,
    }  # fmt: skip


def about(peers: dict[str, dict[str, Any]]) -> str:
    """Markdown: how each was set up, and what it promises so."""
    rows = [
        (
            name,
            ", ".join(f"{package} {version}" for package, version in peer["versions"].items()),
            "yes" if peer["keeps"] else "no",
            "yes" if peer["strict"] else "no",
            peer["settings"],
        )
        for name, peer in peers.items()
    ]
    return markdown(["", "versions", "keeps its jobs", "strict order", "settings"], rows)


def names_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Names with commas between them, for argparse; none is fine."""

    def names(given: str) -> list[str]:
        names = given.split(",") if given else []
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{sorted(unknown)}: not among {', '.join(known)}")
        return names

    return names


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what was found in Markdown; fails when one of ours could not be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    others = [name for name in PEERS if name != OURS]
    known = {each.__name__: each for each in measures.MEASURES}
    parser.add_argument("--peers", type=names_of(others), default=others, metavar="A,B")
    parser.add_argument("--measures", type=names_of(list(known)), default=list(known), metavar="A,B")
    parser.add_argument("--jobs", type=at_least(PROCESSES + 1), default=10_000)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--json", type=output, metavar="FILE")
    parser.add_argument("--plot", type=output, metavar="FILE.png")
    parser.add_argument("--envs", type=Path, default=FOLDER, metavar="FOLDER", help="of the environments")
    options = parser.parse_args(arguments)
    if options.plot:
        plot.pyplot()
    with stage() as on:
        found = compare(on, [known[name] for name in options.measures], options)
    print(table(found["figures"]), about(found["peers"]), sep="\n\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.plot:
        plot.drains(found, options.plot)
    sys.exit(any(each.startswith(OURS) for each in found["failures"]))


if __name__ == "__main__":
    run_main(main)
