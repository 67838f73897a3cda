"""Tasks with hooks around them; importing this puts one around every task of the process."""

from __future__ import annotations

from typing import Any

from junmai_jobs import Abort, Hook, RunningJob, current_job, task, use


class Tell(Hook):
    """Writes what it is told into the job's log; breaks after every word if it is to."""

    def __init__(self, name: str, *, broken: bool = False) -> None:
        self.name = name
        self.broken = broken

    def _tell(self, job: RunningJob, what: str) -> None:
        assert current_job() is job
        job.log(f"{self.name}: {what}")
        if self.broken:
            raise LookupError(f"{self.name} is broken")

    def before(self, job: RunningJob) -> None:
        self._tell(job, "before")

    def after(self, job: RunningJob, result: Any) -> None:
        self._tell(job, f"after {result}")

    def failure(self, job: RunningJob, error: BaseException) -> None:
        self._tell(job, f"failure {error}")


class Later(Tell):
    """Breaks only when the run is over."""

    def before(self, job: RunningJob) -> None:
        """Says nothing."""


use(Tell("everywhere"))


@task(hooks=[Tell("own")])
def double(number: int) -> int:
    current_job().log("the task")
    if number < 0:
        raise Abort(f"{number} is too small")
    return 2 * number


@task(hooks=[Tell("own", broken=True)])
def never_run() -> None:
    current_job().log("the task")


@task(hooks=[Later("own", broken=True)])
def run_all_the_same(number: int) -> int:
    if number < 0:
        raise Abort(f"{number} is too small")
    return number
