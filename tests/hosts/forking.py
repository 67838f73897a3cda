"""A host that forks while its worker works: python forking.py JOURNAL GO ends|stays, as the copy does."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from junmai_jobs import JobQueue
from tests.waiting import wait_until
from tests.worker import tasks

if __name__ == "__main__":
    journal, go, how = sys.argv[1:]
    jobs = JobQueue()
    pool = jobs.worker(concurrency=1, grace=5)
    pool.start()
    held = jobs.submit(tasks.hold, journal, go)
    wait_until(Path(journal).exists)
    if (copy := os.fork()) == 0:
        if how == "stays":
            threading.Event().wait()
        pool.stop()
        with jobs.worker(concurrency=1):  # one of its own
            print("copy:", jobs.submit(tasks.quick, 6).result(timeout=60), flush=True)
        sys.exit(5)
    print("copy:", copy, flush=True)
    print("ended:", os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)
    Path(go).touch()
    print("host:", held.result(timeout=60), jobs.submit(tasks.quick, 8).result(timeout=60), flush=True)
