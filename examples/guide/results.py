# examples/guide/results.py
"""Results of many jobs: one by one as they end, all at once, and in a coroutine."""

import asyncio

from junmai_jobs import JobHandle, JobQueue, task


@task(result_ttl=3600)
async def square(number: int) -> int:
    """An ``async def`` task; its result is kept for an hour."""
    await asyncio.sleep(0.01)
    return number * number


async def add_up(handles: list[JobHandle[int]]) -> int:
    """Other coroutines run while these wait."""
    return sum(await asyncio.gather(*(handle.result_async(timeout=15) for handle in handles)))


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=2):
        handles = jobs.submit_many(square, [(number,) for number in range(5)])
        done, missing = jobs.wait(handles, timeout=15)
        print(f"{len(done)} have ended, {len(missing)} have not")
        print(sorted(handle.result() for handle in jobs.as_completed(handles, timeout=15)))
        print(asyncio.run(add_up(handles)))
