# examples/guide/limits.py
"""Two jobs a folder at once, five a second in all."""

import time

from junmai_jobs import Concurrency, JobQueue, Rate, task


@task(concurrency=Concurrency(2, key="folder:{folder}"))
def copy(folder: str, number: int) -> float:
    """At most two jobs of a folder run at once."""
    began = time.time()
    time.sleep(0.2)
    return began


@task(rate=Rate(5, per=1.0))
def ask_the_service(number: int) -> float:
    """At most five start in any second."""
    return time.time()


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=4):
        copies = jobs.submit_many(copy, [("/card", number) for number in range(6)])
        began = sorted(handle.result(timeout=15) for handle in copies)
        print("third copy after", "0.2 s" if began[2] - began[0] >= 0.19 else "no time")
        asked = jobs.submit_many(ask_the_service, [(number,) for number in range(12)])
        times = sorted(handle.result(timeout=15) for handle in asked)
        print("twelve questions in", round(times[-1] - times[0]), "s")
