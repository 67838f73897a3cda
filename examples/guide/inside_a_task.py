# examples/guide/inside_a_task.py
"""A long job that saves where it is, makes way for what is urgent, and submits jobs of its own."""

from junmai_jobs import JobHandle, JobQueue, Priority, RetryPolicy, current_job, task

PATIENT = RetryPolicy(on={ConnectionError: RetryPolicy(max_retries=10, base=0.2)})


@task
def thumbnail(photo: str) -> str:
    """Stands for work on one photo."""
    return f"{photo} as a thumbnail"


@task(priority=Priority.LOW, retry=PATIENT)
def cull(photos: list[str]) -> list[str]:
    """Begins where the last run has stopped."""
    job = current_job()
    children: list[str] = job.saved or []
    job.log(f"attempt {job.attempt}: {len(children)} of {len(photos)} photos are done")
    for photo in photos[len(children) :]:
        job.make_way()
        if photo == "0003.jpg" and job.attempt == 1:
            raise ConnectionError("the network drive is away")
        children.append(job.submit(thumbnail.with_options(id=f"{job.id}/{photo}"), photo))
        job.checkpoint(children)
    return children


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=2):
        handle = jobs.submit(cull, ["0001.jpg", "0002.jpg", "0003.jpg"])
        for child in handle.result(timeout=15):
            print(JobHandle[str](jobs, child).result(timeout=15))
        for line in handle.job().log:
            print(line.partition(" ")[2])
