# examples/guide/planning.py
"""What a submission would take is told before it is made; what the disk has no room for is refused."""

import tempfile
import time

from junmai_jobs import DiskFull, JobQueue, task

MEGABYTE = 2**20


def copies(folder: str, megabytes: int = 1) -> dict[str, int]:
    """How many bytes ``make_copy`` writes, and where."""
    return {folder: megabytes * MEGABYTE}


@task(disk=copies)
def make_copy(folder: str, megabytes: int = 1) -> None:
    """Write a file of that size."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(bytes(megabytes * MEGABYTE))
        time.sleep(0.05)


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=2), tempfile.TemporaryDirectory() as folder:
        first = jobs.outlook([(make_copy, (folder,))])
        print("before any has run:", first.finish, first.unknown)

        jobs.wait(jobs.submit_many(make_copy, [(folder,)] * 10))
        while jobs.estimate(make_copy, folder) is None:  # a worker tells what it has learnt now and then
            time.sleep(0.1)

        plan = jobs.outlook([(make_copy, (folder,))] * 100)
        half, most = plan.finish or (0, 0)
        print(plan.jobs, "jobs write", plan.rooms[0].bytes // MEGABYTE, "MB; it fits:", plan.fits)
        print("as likely before as after 2 s and more:", half > 2, "- nine times in ten by:", most >= half)

        try:
            jobs.submit_many(make_copy, [(folder, 1_000_000)] * 100)
        except DiskFull as error:
            print("refused:", str(error).removeprefix(folder).partition(", and")[0])
        print(jobs.stats()["total_pending"], "jobs wait")
