"""What a queue refuses before it reaches for the server: there is none at this address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from junmai_jobs import JobQueue, OptionError, task
from junmai_jobs.config import load_config
from tests.servers import free_port


@task(name="two")
def add(a: int, b: int = 0) -> int:
    return a + b


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[JobQueue]:
    config = load_config(environ={"JUNMAI_HOME": str(tmp_path)})
    jobs = JobQueue(f"redis://127.0.0.1:{free_port()}/0", config=config)
    yield jobs
    jobs.close()


def plain(a: int) -> int:
    return a


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda jobs: jobs.submit(lambda: 1), "plain function"),
        (lambda jobs: jobs.submit(plain, 1), "plain is a plain function: .* put @task before it"),
        (lambda jobs: jobs.submit_many(plain, [(1,)]), "plain function"),
        (lambda jobs: jobs.submit(add(1)), r"not submit\(task\(arguments\)\)"),
        (lambda jobs: jobs.submit("add", 1), "'add' is not a task"),
        (lambda jobs: jobs.submit_many(add, [1]), "row 0: a row is a tuple"),
        (lambda jobs: jobs.submit_many(add, None), "rows is None; give a list"),
        (lambda jobs: jobs.worker(queues="default"), "give a list of names"),
        (lambda jobs: jobs.worker(queues=["A b"]), "queue 'A b' is not a name"),
        (lambda jobs: jobs.worker(signals=True), "not built yet"),
        (lambda jobs: jobs.worker(speed=9), "no such worker settings: speed"),
        (lambda jobs: jobs.worker(concurrency=True), "concurrency is True"),
        (lambda jobs: jobs.pause("A b"), "not a name"),
        (lambda jobs: jobs.resume("A b"), "not a name"),
        (lambda jobs: jobs.purge("A b"), "not a name"),
        (lambda jobs: jobs.jobs(queue="A b"), "not a name"),
        (lambda jobs: jobs.jobs(status="lost"), "no status 'lost'"),
        (lambda jobs: jobs.jobs(limit=10**20), "limit is 100000000000000000000"),
        (lambda jobs: jobs.wait(["x"]), "'x' is no handle"),
        (lambda jobs: list(jobs.as_completed([None])), "None is no handle"),
        (lambda jobs: jobs.reprioritize("x", 11), "priority is 11"),
        (lambda _jobs: add.with_options(name="sum"), "belongs to the task"),
    ],
)
def test_it_is_refused_and_says_why(nowhere: JobQueue, call: Callable[[JobQueue], object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        call(nowhere)
