# examples/guide/estimates.py
"""What runs took is learnt, and tells of the next ones that are like them."""

import dataclasses
import time

from junmai_jobs import JobQueue, task


@task(alike=lambda _photo, megapixels: f"{megapixels} MP")
def develop(photo: str, megapixels: int) -> str:
    """Make a photo ready to be shown: the larger it is, the longer it takes."""
    time.sleep(megapixels / 100)
    return f"{photo} is developed"


if __name__ == "__main__":
    jobs = JobQueue()
    print("before the first run:", jobs.estimate(develop, "one.nef", 20))
    with jobs.worker(concurrency=1):
        for handle in jobs.submit_many(develop, [("a.nef", 10), ("b.nef", 20)] * 6):
            handle.result(timeout=30)
    for megapixels in (10, 20):
        if known := jobs.estimate(develop, "another.nef", megapixels):
            print(f"{megapixels} MP, as {known.runs} runs tell: half within {known.seconds.half:.1f} s")

    quick = JobQueue(config=dataclasses.replace(jobs.config, shortest_first=("default",)))
    waiting = quick.submit_many(develop, [("large.nef", 20), ("small.nef", 10)])
    first, second = (jobs.job(place.id).args[0] for place in jobs.inspector.next_ones(2, "default"))
    print("the shortest first:", first, "and then", second)
    for handle in waiting:
        handle.cancel()
