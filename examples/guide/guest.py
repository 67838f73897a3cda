# examples/guide/guest.py
"""A good guest: as many processes as there is work for, and a smaller picture where memory is short."""

from junmai_jobs import JobQueue, current_job, task


@task
def sharpen(photo: str, edge: int = 4000) -> str:
    """Work at a size that fits: here all of 4000 pixels are too many."""
    size = round(edge * current_job().scale)
    if size > 2000:
        raise MemoryError
    return f"{photo} at {size} px"


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(autoscale=(1, 3)):
        handle = jobs.submit(sharpen, "panorama.tif")
        print(handle.result(timeout=30))
        for run in handle.job().history:
            print(run["event"], run["reason"] or "at last")
        [worker] = jobs.workers()
        print(worker["governor"])
