# examples/guide/priority.py
"""What waits can be moved, and with aging even the least urgent job has its turn."""

import time

from junmai_jobs import JobQueue, task


@task
def develop(photo: str) -> str:
    """Make a photo ready to be shown."""
    time.sleep(0.05)
    return f"{photo} is developed"


if __name__ == "__main__":
    jobs = JobQueue()
    holiday = jobs.submit(develop.with_options(priority=1), "holiday.nef")
    portrait = jobs.submit(develop.with_options(priority=5), "portrait.nef")
    jobs.reprioritize(portrait.id, 9)
    print("in line:", jobs.stats()["jobs_by_priority"])

    # The photos of other people are more urgent than the holiday's, and there are many.
    jobs.submit_many(develop.with_options(priority=8), [("urgent.nef",)] * 400)
    with jobs.worker(concurrency=2, aging=2):
        for photo in (portrait, holiday):
            print(photo.result(timeout=15), "at priority", photo.job().priority)
        print("others still wait:", jobs.purge("default") > 0)
