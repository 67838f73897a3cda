"""Calls that are wrong, or come at a wrong time, at the library's surface."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import InvalidState, JobNotFound, JobQueue, OptionError, PayloadError, StoreUnavailable
from junmai_jobs.config import load_config
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers import RedisProcess

STRANGE = (
    "",
    "a b",
    "x" * 129,
    "x" * 10**6,
    "a\0b",
    "\x1b[31m",
    "\udcff",
    "{junmai}:bodies",
    "*",
    "a|b",
    "\u202e",
)


@pytest.mark.parametrize("name", ["lease", "grace", "max_jobs_per_child"])
@pytest.mark.parametrize("value", [-1, 10**10, float("nan"), float("inf"), "5", None, True])
def test_a_worker_of_impossible_settings(jobs: JobQueue, name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"^{name} is .*; give a (number of seconds|whole number) from "):
        jobs.worker(**{name: value})


@pytest.mark.parametrize("job_id", STRANGE, ids=lambda text: repr(text)[:12])
def test_an_id_of_no_job_whatever_it_looks_like(jobs: JobQueue, job_id: str) -> None:
    jobs.submit(tasks.quick, 1)
    with jobs.server.client() as admin:
        before = {key: admin.dump(key) for key in admin.scan_iter()}
        asks: tuple[Callable[[str], object], ...] = (
            jobs.job, jobs.cancel, jobs.retry, lambda each: jobs.reprioritize(each, 1),
            lambda each: jobs.job(each).status, lambda each: jobs.batch(each).progress(),
            jobs.purge, jobs.pause, jobs.unschedule,
        )  # fmt: skip
        for ask in asks:
            with pytest.raises((JobNotFound, OptionError, InvalidState)):
                ask(job_id)
        assert {key: admin.dump(key) for key in admin.scan_iter()} == before


def _in_a_child(jobs: JobQueue, answers: Any) -> None:
    handle = jobs.submit(tasks.quick, 2)
    answers.put([handle.id, *(str(jobs.job(handle.id).status) for _ in range(20))])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_queue_goes_into_a_forked_process(jobs: JobQueue) -> None:
    """Each process has connections of its own: no reply goes to the other one."""
    jobs.submit(tasks.quick, 1)
    context = multiprocessing.get_context("fork")
    answers: Any = context.SimpleQueue()
    children = [context.Process(target=_in_a_child, args=(jobs, answers)) for _ in range(4)]
    for child in children:
        child.start()
    for number in range(50):
        assert jobs.stats()["total_pending"] >= 1, number
    found = [answers.get() for _ in children]
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    assert len({job_id for job_id, *_ in found}) == 4
    assert {status for _, *statuses in found for status in statuses} == {"queued"}
    assert jobs.stats()["total_pending"] == 5


def test_a_queue_that_was_closed_opens_again(jobs: JobQueue) -> None:
    jobs.close()
    handle = jobs.submit(tasks.quick, 1)
    assert handle.status == "queued"
    jobs.close()
    jobs.close()


@pytest.mark.parametrize("options", [{}, {"concurrency": 1}], ids=["200 a call", "fewer a call"])
def test_a_bad_row_among_a_thousand(jobs: JobQueue, options: dict[str, Any]) -> None:
    rows: list[Any] = [(number,) for number in range(1000)]
    rows[777] = ({1},)
    with pytest.raises(PayloadError, match=r"^row 777: args\[0\] is a set"):
        jobs.submit_many(tasks.quick.with_options(**options), rows)
    assert jobs.stats()["total_pending"] == 600, "each 200 are submitted or none of them"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda jobs: jobs.submit_all("x"), r"row 0: 'x' is no call; give a pair, a task and its row"),
        (lambda jobs: jobs.submit_all([(tasks.quick,)]), r"row 0: .* is no call"),
        (lambda jobs: jobs.submit_all([5]), r"row 0: 5 is no call"),
        (lambda jobs: jobs.submit_all(5), r"calls is 5; give a list of pairs, each a task and a row"),
        (lambda jobs: jobs.jobs(status=[]), r"no status \[\]; there are "),
        (lambda jobs: jobs.purge(status=[]), r"cannot purge \[\] jobs"),
        (lambda jobs: jobs.history([]), r"resolution is \[\]; give 'minute' or 'hour'"),
    ],
)
def test_an_argument_of_another_kind(jobs: JobQueue, ask: Callable[[Any], object], said: str) -> None:
    with pytest.raises(OptionError, match=rf"^{said}"):
        ask(jobs)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (("reset", "on", ">pw", "~*", "+@all", "-eval", "-fcall"), "forbids a command to this user"),
        (("reset", "on", ">pw", "~other:*", "+@all"), "forbids a command to this user"),
        (("reset", "on", ">pw", "~*", "+@all", "-zadd"), "cannot work: .*|forbids a command to this user"),
        (("reset", "on", ">other", "~*", "+@all"), "refuses the user or the password"),
        (("reset", "off", ">pw", "~*", "+@all"), "refuses the user or the password"),
    ],
)
def test_a_user_who_may_not(
    jobs: JobQueue, redis_server: RedisProcess, tmp_path: Path, rules: tuple[str, ...], said: str
) -> None:
    with redis_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "guest", *rules)
        url = f"redis://guest:pw@127.0.0.1:{redis_server.port}/0"
        config = load_config(environ={"JUNMAI_HOME": str(tmp_path)})
        with (
            closing(JobQueue(url, config=config)) as guest,
            pytest.raises(StoreUnavailable, match=said) as caught,
        ):
            guest.submit(tasks.quick, 1)
        assert "pw" not in str(caught.value).split("http")[0].replace("password", "")
        assert admin.dbsize() == 0
        admin.execute_command("ACL", "DELUSER", "guest")
