# examples/guide/attention.py
"""The photo on the screen is developed at once, though a batch has all slots; the batch goes on after it."""

import time

from junmai_jobs import JobQueue, current_job, task


@task
def develop(photo: str) -> str:
    """Make a photo ready to be shown."""
    return f"{photo} is developed"


@task(priority=1)
def index(folder: str, pages: int) -> str:
    """Long work in steps, each of which is kept: so it can step aside, and go on."""
    job = current_job()
    for page in range(job.saved or 0, pages):
        time.sleep(0.01)
        job.checkpoint(page + 1)
    return f"{folder} is indexed, {pages} pages"


if __name__ == "__main__":
    jobs = JobQueue()
    batch = [jobs.submit(index, f"/shoot/{day}", 100) for day in range(2)]
    last = develop.with_options(priority=0)
    photos = jobs.submit_many(last, [(f"{number}.nef",) for number in range(1000)])
    with jobs.worker(concurrency=2):
        while any(each.status != "running" for each in batch):
            time.sleep(0.01)
        for number in (17, 803):
            jobs.boost(photos[number].id)
        print(photos[803].result(timeout=10))
        print(photos[17].result(timeout=10))
        print("others still wait:", jobs.purge("default") == 998)
        for each in batch:
            print(each.result(timeout=20), "with", each.job().retry_count, "retries")
