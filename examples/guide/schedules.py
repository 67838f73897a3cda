# examples/guide/schedules.py
"""A schedule in the code, and one that is added while the workers run."""

import time

from junmai_jobs import JobQueue, task


@task(every="1s", catch_up="skip")
def look_for_cards() -> str:
    """Each second; missed seconds are of no interest."""
    return "no card"


@task
def tidy(folder: str) -> str:
    """What a person schedules below."""
    return f"{folder} is tidy"


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=2):
        jobs.schedule("nightly-tidy", tidy, "/shoot", cron="0 3 * * *", tz="Europe/Berlin")
        print(jobs.run_schedule("nightly-tidy").result(timeout=15))  # now, beside its ticks
        while len(looked := jobs.jobs(task="look_for_cards", status="succeeded")) < 2:
            time.sleep(0.1)
        print(looked[0].result)
        for row in jobs.schedules():
            print(row["name"], row["every"] or row["cron"], row["tz"], row["catch_up"])
    for name in ("look_for_cards", "nightly-tidy"):
        jobs.unschedule(name)
