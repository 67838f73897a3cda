"""How soon a job begins that somebody looks at while batch work has all slots: milliseconds.

python -m benchmarks.attention [--slots 2] [--rounds 100]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.command import at_least, run_main
from benchmarks.recovery import Stage
from tests.worker import tasks
from tests.worker.harness import Journal

WAITING = 5000


def looks(stage: Stage, folder: Path, slots: int, rounds: int) -> list[float]:
    """For each look the milliseconds until the job has begun."""
    batch, release = Journal(folder / "batch"), folder / "release"
    stage.jobs.submit_many(tasks.work_through, [(str(batch), str(release))] * (slots + 2))
    journals = [Journal(folder / f"journal-{number}") for number in range(WAITING)]
    last_in_line = tasks.record.with_options(priority=0)
    waiting = stage.jobs.submit_many(last_in_line, [(str(journal),) for journal in journals])
    stage.worker("--concurrency", str(slots))
    batch.wait_for(slots)
    found = []
    for number in random.Random(1).sample(range(WAITING), rounds):
        threading.Event().wait(random.Random(number).uniform(0.2, 0.3))
        looked = time.time()
        stage.jobs.boost(waiting[number].id)
        [run] = journals[number].wait_for(1)
        found.append((run.time - looked) * 1000)
    stage.jobs.purge()
    release.touch()
    return found


def main() -> None:
    """Print the median and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=at_least(1), default=2)
    parser.add_argument("--rounds", type=at_least(1), default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        stage = Stage(Path(name))
        try:
            stage.redis.start()
            found = sorted(looks(stage, Path(name), options.slots, options.rounds))
        finally:
            stage.close()
    print(
        f"{options.slots} slots, {options.rounds} looks: median {statistics.median(found):.0f} ms, "
        f"95 % within {found[int(len(found) * 0.95)]:.0f} ms, worst {found[-1]:.0f} ms"
    )


if __name__ == "__main__":
    run_main(main)
