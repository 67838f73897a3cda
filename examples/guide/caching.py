"""What was worked out before is looked up: the result of a whole job, and a part of another one's work."""

import hashlib
import tempfile
from pathlib import Path

from junmai_jobs import JobQueue, current_job, task


@task(input="path", cache=30 * 86400)
def measure(path: str, unit: str = "bytes") -> str:
    """Depends on what the file holds and on its arguments, on nothing else."""
    return f"{Path(path).stat().st_size} {unit}, measured by job {current_job().id}"


@task
def catalogue(path: str) -> str:
    """Has something to do for each photo; but what a photo shows need not be found out twice."""
    content = Path(path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    shows = current_job().cached([digest, "strict"], lambda: look_at(content))
    return f"{Path(path).name} shows {shows}"


def look_at(content: bytes) -> str:
    """Stands for work that takes long."""
    return f"{content.decode()}, seen by job {current_job().id}"


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=1, loglevel="ERROR"), tempfile.TemporaryDirectory() as folder:
        card, backup = str(Path(folder, "card.jpg")), str(Path(folder, "backup.jpg"))
        for path in (card, backup):
            Path(path).write_text("a bride", "utf-8")

        print(jobs.submit(measure.with_options(id="first"), card).result(timeout=15))
        print(jobs.submit(measure.with_options(id="second"), backup).result(timeout=15))
        print(jobs.submit(measure.with_options(id="third"), backup, "B").result(timeout=15))
        print(jobs.submit(catalogue.with_options(id="fourth"), card).result(timeout=15))
        print(jobs.submit(catalogue.with_options(id="fifth"), backup).result(timeout=15))

        answered = jobs.submit(measure.with_options(reuse=True), backup)
        print(f"{answered.result()}; without a job: {answered.reused}")

        print(jobs.stats()["cache"])
        print(jobs.clear_cache("measure"))
