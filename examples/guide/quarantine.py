# examples/guide/quarantine.py
"""A file that kills whatever process works on it: three times, and then no job tries it any more."""

import os
import tempfile
from pathlib import Path

from junmai_jobs import JobFailed, JobQueue, task


@task(input="path")
def develop(path: str) -> str:
    """As a decoder with a flaw does: on one kind of file it takes its process with it."""
    if Path(path).read_bytes() == b"strange":
        os._exit(1)
    return f"{Path(path).name} is developed"


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=2, loglevel="CRITICAL"), tempfile.TemporaryDirectory() as folder:
        good, bad = Path(folder, "good.raw"), Path(folder, "bad.raw")
        good.write_bytes(b"good")
        bad.write_bytes(b"strange")

        first = jobs.submit(develop.with_options(id="first"), str(bad))
        print(jobs.submit(develop, str(good)).result(timeout=15))
        try:
            first.result(timeout=30)
        except JobFailed as error:
            print(error)

        second = jobs.submit(develop.with_options(id="second"), str(bad))
        try:
            second.result(timeout=15)
        except JobFailed as error:
            print(error)

        bad.write_bytes(b"copied from the card again")
        jobs.retry("second")
        print(second.result(timeout=15))
