"""What a worker costs that has nothing to do, and how soon its next job begins.

python -m benchmarks.idle [--seconds 60] [--rounds 3]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.command import at_least, run_main
from benchmarks.recovery import Stage
from junmai_jobs.scheduler import QUIET_EVERY
from tests.worker import tasks
from tests.worker.harness import Journal
from tests.worker.idleness import commands, processor_percent


def main() -> None:
    """Print a line a round: a governed worker with three slots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=at_least(1), default=60)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        stage = Stage(Path(name))
        try:
            stage.redis.start()
            worker = stage.worker("--concurrency", "3", "--lease", "30", JUNMAI_GOVERNOR="on")
            stage.jobs.submit(tasks.quick, 1).result(timeout=20)
            for number in range(options.rounds):
                threading.Event().wait(QUIET_EVERY)
                with commands(stage.redis.url) as sent:
                    used = processor_percent(worker, options.seconds)
                journal = Journal(Path(name) / f"journal-{number}")
                stage.jobs.submit(tasks.record, str(journal))
                submitted = time.time()
                [run] = journal.wait_for(1)
                print(
                    f"{sent.total() / options.seconds:.2f} commands a second; "
                    f"the busiest process {max(used.values()):.3f} % of a core; "
                    f"the next job began after {(run.time - submitted) * 1000:.1f} ms",
                    flush=True,
                )
        finally:
            stage.close()


if __name__ == "__main__":
    run_main(main)
