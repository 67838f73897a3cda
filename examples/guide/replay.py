# examples/guide/replay.py
"""Replay: what a failed job had to do, once more and in this process, to see why."""

from junmai_jobs import JobFailed, JobQueue, RetryPolicy, current_job, task


@task(retry=RetryPolicy(max_retries=0))
def expose(photo: str, brightness: int, lamps: int) -> float:
    """How bright each lamp was; it does not think of daylight."""
    current_job().log(f"{photo} with {lamps} lamps")
    return brightness / lamps


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=1):
        handle = jobs.submit(expose, "0001.jpg", 90, lamps=0)
        try:
            handle.result(timeout=15)
        except JobFailed as error:
            print(str(error).partition("failed: ")[2])
    ended = jobs.replay(handle.id).run()
    print(ended.outcome, "otherwise than" if ended.differs else "as", "then")
    print((ended.error or {})["traceback"].splitlines()[2].strip())
    print("the job is", handle.status, "still")
