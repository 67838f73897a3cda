"""How long importing and starting takes, of processes of its own by turns, above a Python that does nothing.

python -m benchmarks.start [--json] [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.command import at_least, run_main
from benchmarks.figures import spread
from benchmarks.record import read_log, records_in
from benchmarks.stage import ROOT, Stage, running, stage
from benchmarks.tasks import noop

_PRODUCER = "from junmai_jobs import JobQueue, task"
_SUBMIT = """
from benchmarks.tasks import noop
jobs = JobQueue({url!r})
jobs.submit(noop, 1, "photo")
"""
_WORKER_ROUNDS = 5


def main() -> None:
    """Print a line a figure: milliseconds, the median, and the least and the largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=at_least(1), default=9)
    options = parser.parse_args()
    with stage() as on, tempfile.TemporaryDirectory() as name:
        # Compiled modules in a folder of its own, so that what was never compiled does not count.
        os.environ |= {"PYTHONPYCACHEPREFIX": str(Path(name) / "compiled"), "JUNMAI_HOME": name}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ |= {"JUNMAI_GOVERNOR": "off", "JUNMAI_KEEP_AWAKE": "off", "JUNMAI_LOGLEVEL": "ERROR"}
        figures = by_turns(cases(on), options.rounds)
        on.clear()
        figures["worker, first of 3 processes to start a job"] = [
            first_job(on) for _ in range(min(options.rounds, _WORKER_ROUNDS))
        ]
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {spread(times)} ms" for name, times in figures.items()))


def cases(on: Stage) -> dict[str, Callable[[], None]]:
    """What is measured, by its name; the first is a Python that does nothing."""
    command, url = ("-m", "junmai_jobs", "--redis", on.server.url), on.server.url
    return {
        "nothing": lambda: run("-c", "pass"),
        "import redis, for comparison": lambda: run("-c", "import redis"),
        "import junmai_jobs": lambda: run("-c", "import junmai_jobs"),
        _PRODUCER: lambda: run("-c", _PRODUCER),
        "the same, and the first job submitted": lambda: run("-c", _PRODUCER + _SUBMIT.format(url=url)),
        "junmai-jobs --help": lambda: run(*command, "--help"),
        "junmai-jobs stats": lambda: run(*command, "stats"),
        "junmai-jobs stats --json": lambda: run(*command, "stats", "--json"),
    }


def run(*arguments: str) -> None:
    """Run a Python to its end."""
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


def by_turns(named: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each, above those of the first in the same round; once before, to have all compiled."""
    figures: dict[str, list[float]] = {name: [] for name in named}
    for number in range(-1, rounds):
        nothing = 0.0
        for name, act in named.items():
            begun = time.perf_counter()
            act()
            took = (time.perf_counter() - begun) * 1000
            nothing = nothing or took
            if number >= 0:
                figures[name].append(took if name == "nothing" else took - nothing)
    return figures


def first_job(on: Stage) -> float:
    """Milliseconds from the start of a worker until the job that waits for it starts."""
    before = records_in(on.log)
    on.jobs.submit(noop, 1, "photo")
    command = [
        sys.executable, "-m", "junmai_jobs", "--redis", on.server.url, "--tasks", "benchmarks.tasks",
        "worker", "--concurrency", "3",
    ]  # fmt: skip
    begun = time.monotonic_ns()
    with running(command):
        on.wait_for_records(before + 1)
        _, started, _ = list(read_log(on.log))[before]
    return (started - begun) / 1e6


if __name__ == "__main__":
    run_main(main)
