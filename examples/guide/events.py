# examples/guide/events.py
"""Two who listen: one sees all as it happens, the other was away and goes on where it was."""

from itertools import islice

from junmai_jobs import EventsLost, JobQueue, task


@task(queue="night")
def develop(photo: str) -> str:
    """Make a photo ready to be shown."""
    return f"{photo} is developed"


if __name__ == "__main__":
    jobs = JobQueue()
    events = jobs.events(timeout=10)
    with jobs.worker(concurrency=2):
        jobs.submit(develop, "a.nef")
        seen = list(islice(events, 3))
        for event in seen:
            print(event.word, event.queue)
        cursor = seen[-1].cursor

        jobs.submit(develop, "b.nef").result(timeout=10)
        try:
            missed = list(jobs.events(after=cursor, timeout=0))
        except EventsLost as lost:
            cursor = lost.cursor  # look at the jobs themselves, then go on from here
        else:
            print("meanwhile:", *(event.word for event in missed))
