# examples/guide/embedding.py
"""Embedding: a worker beside whatever else a program does."""

from junmai_jobs import JobQueue, task


@task
def develop(photo: str) -> str:
    """Run in a process of the worker, not in the program's own."""
    return f"{photo} developed"


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=2):
        print(jobs.submit(develop, "0001.jpg").result(timeout=15))
    pool = jobs.worker(concurrency=1, grace=5)  # the same without a block
    pool.start()
    print(jobs.submit(develop, "0002.jpg").result(timeout=15))
    pool.stop()
    print("workers left:", len(jobs.workers()))
