# examples/guide/hooks.py
"""Hooks: one around every task, one around a single task."""

from typing import Any

from junmai_jobs import Abort, Hook, JobFailed, JobQueue, RunningJob, task, use


class Journal(Hook):
    """Keeps with each job what became of its runs."""

    def before(self, job: RunningJob) -> None:
        """The run begins."""
        job.log(f"attempt {job.attempt} begins")

    def after(self, job: RunningJob, result: Any) -> None:
        """It has returned."""
        job.log(f"returned {result!r}")

    def failure(self, job: RunningJob, error: BaseException) -> None:
        """It has raised."""
        job.log(f"raised {error!r}")


class DiskIsMounted(Hook):
    """Keeps a task from running where it cannot work."""

    def before(self, job: RunningJob) -> None:
        """What this raises is the task's failure."""
        job.log("looking for the archive disk")
        raise Abort("the archive disk is not mounted")


use(Journal())


@task
def rate(photo: str) -> int:
    """Has the hook that every task has."""
    return len(photo) % 6


@task(hooks=[DiskIsMounted()])
def archive(photo: str) -> None:
    """Has one of its own as well."""


if __name__ == "__main__":
    jobs = JobQueue()
    with jobs.worker(concurrency=1):
        rated, archived = jobs.submit(rate, "0001.jpg"), jobs.submit(archive, "0001.jpg")
        print("rated", rated.result(timeout=15))
        try:
            archived.result(timeout=15)
        except JobFailed as error:
            print("not archived:", str(error).partition("failed: ")[2])
        for handle in (rated, archived):
            print(*(line.partition(" ")[2] for line in handle.job().log), sep=", ")
