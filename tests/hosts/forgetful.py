"""A host that never stops its worker: python forgetful.py JOURNAL HOW, and that is how it ends."""

from __future__ import annotations

import sys

from junmai_jobs import JobQueue
from tests.waiting import wait_until
from tests.worker import tasks

if __name__ == "__main__":
    journal, how = sys.argv[1:]
    jobs = JobQueue()
    jobs.worker(concurrency=1, grace=0.2).start()
    jobs.submit(tasks.abort, journal)  # which is yet to be told
    held = jobs.submit(tasks.hold, journal, "never")
    wait_until(lambda: held.status == "running")
    if how == "exits":
        sys.exit(3)
    if how == "raises":
        raise RuntimeError("the host fails")
