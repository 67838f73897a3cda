# examples/guide/machines.py
"""Jobs that need the graphics card, and jobs that do not."""

from junmai_jobs import JobQueue, current_job, task


@task(needs={"gpu": 1, "vram_mb": 6000})
def denoise(photo: str) -> str:
    """Has a card for itself."""
    return f"{photo} on {'a card' if current_job().card else 'nothing'}"


@task(needs={"ram_mb": 500})
def stitch(photos: list[str]) -> str:
    """Shares the host's memory with others of its kind."""
    return " + ".join(photos)


@task
def read_date(photo: str) -> str:
    """Needs nothing: it never waits for a card."""
    return f"{photo} is of today"


if __name__ == "__main__":
    jobs = JobQueue()
    handles = [jobs.submit(denoise, f"{number}.nef") for number in (1, 2)]
    with jobs.worker(concurrency=2, offers={"gpu": 1, "vram_mb": 8000, "ram_mb": 2000}):
        print(jobs.submit(read_date, "3.nef").result(timeout=15))
        print(jobs.submit(stitch, ["4.nef", "5.nef"]).result(timeout=15))
        for handle in handles:
            print(handle.result(timeout=15))
