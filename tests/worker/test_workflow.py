"""Workflows with real workers: results that reach children, batches, their callbacks, cancel and retry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import (
    InvalidState,
    JobCancelled,
    JobFailed,
    JobHandle,
    JobNotFound,
    JobQueue,
    OptionError,
    Planned,
    QueueFull,
    ResultTimeout,
    RetryPolicy,
    Status,
    chain,
    chord,
    edge,
    group,
    result_of,
)
from junmai_jobs.codec import ResultOf
from tests.waiting import wait_until
from tests.worker.linked_tasks import add, as_text, collect, fail, nothing, take, total, wait_for_file

if TYPE_CHECKING:
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

NO_RETRY = RetryPolicy(max_retries=0)
LINKED = ("--tasks", "tests.worker.linked_tasks")


@pytest.fixture
def worker(start_worker: StartWorker) -> None:
    start_worker(*LINKED)


def handle(jobs: JobQueue, planned: Planned[Any]) -> JobHandle[Any]:
    return JobHandle(jobs, planned.id)


# ---- results -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("worker")
def test_a_chain_hands_each_result_on(jobs: JobQueue) -> None:
    last = chain(add.plan(1, 2), add, add, as_text)
    batch = jobs.submit_workflow(last)
    assert batch[last].result(timeout=60) == "= 3"
    assert batch.results(timeout=60) == ["= 3"]
    assert (batch.id, len(batch.handles)) == (last.id, 4)


@pytest.mark.usefixtures("worker")
def test_a_chord_gets_the_results_in_the_order_of_its_group(jobs: JobQueue) -> None:
    last = chord(group(*(add.plan(number) for number in range(250))), collect)
    assert jobs.submit_workflow(last)[last].result(timeout=60) == list(range(250))


@pytest.mark.usefixtures("worker")
def test_results_stand_anywhere_in_the_arguments(jobs: JobQueue) -> None:
    one, two, none = add.plan(1), add.plan(2), nothing.plan()
    last = take.plan({"deep": [result_of(one), (result_of(two), Path("/x"))]}, other=result_of(none))
    assert jobs.submit_workflow(last)[last].result(timeout=60) == [
        {"deep": [1, [2, Path("/x")]]},
        {"other": None},
    ]


@pytest.mark.usefixtures("worker")
def test_who_goes_on_gets_none_of_a_parent_that_failed(jobs: JobQueue) -> None:
    parts = group(add.plan(1), fail.plan(), add.plan(3))
    patient = chord(parts, total.with_options(after_policy="continue"))
    strict = chord(parts, total)
    batch = jobs.submit_workflow(patient, strict)
    assert batch[patient].result(timeout=60) == 4
    with pytest.raises(JobCancelled, match="parent_failed"):
        batch[strict].result(timeout=60)


@pytest.mark.usefixtures("worker")
def test_the_policy_of_one_parent(jobs: JobQueue) -> None:
    wished, needed = fail.plan(), add.plan(2)
    last = collect.with_options(after=edge(wished, "continue")).plan([result_of(wished), result_of(needed)])
    assert jobs.submit_workflow(last)[last].result(timeout=60) == [None, 2]


@pytest.mark.usefixtures("worker")
def test_a_plain_submission_reads_a_handle(jobs: JobQueue) -> None:
    parent = jobs.submit(add, 1, 2)
    child = jobs.submit(add, result_of(parent), result_of(parent))
    assert child.result(timeout=60) == 6
    assert child.job().args == [ResultOf(parent.id), ResultOf(parent.id)]


def test_a_result_that_is_gone_fails_the_job_clearly(jobs: JobQueue, start_worker: StartWorker) -> None:
    parent = jobs.submit(add.with_options(result_ttl=0.001), 1)
    start_worker(*LINKED, slots=1)
    wait_until(lambda: parent.status.finished)
    jobs.broker.expire()
    child = jobs.submit(add, result_of(parent))
    with pytest.raises(JobFailed, match=f"the result of job {parent.id}, which this one reads, is not kept"):
        child.result(timeout=60)
    assert child.job().attempt == 1


# ---- batches -------------------------------------------------------------------------------------


def test_the_same_objects_may_be_submitted_again(jobs: JobQueue) -> None:
    last = chord(group(*(add.plan(number) for number in range(300))), total)
    done = nothing.plan()
    first, again = (jobs.submit_workflow(last, on_success=done) for _ in range(2))
    assert first.id == again.id
    assert again.progress().counts == {Status.QUEUED: 300, Status.BLOCKED: 1}
    assert len(jobs.jobs(limit=1000)) == 302


def test_a_batch_may_have_a_name_and_be_found_by_it(jobs: JobQueue) -> None:
    jobs.submit_workflow(add.plan(1), batch="shoot-12")
    jobs.submit(add.with_options(batch="shoot-12"), 2)
    found = jobs.batch("shoot-12")
    assert [each.status for each in found.handles] == ["queued", "queued"]
    assert (found.progress().done, found.progress().total) == (0, 2)
    with pytest.raises(JobNotFound, match="no batch shoot-1:"):
        jobs.batch("shoot-1")
    with pytest.raises(ResultTimeout, match=r"batch shoot-12 has not ended within 0.01 s"):
        found.results(timeout=0.01)


def test_a_job_is_in_one_batch(jobs: JobQueue) -> None:
    first = add.plan(1)
    jobs.submit_workflow(first)
    with pytest.raises(InvalidState, match="if it is a job of another batch, name its handle instead"):
        jobs.submit_workflow(chain(first, as_text))
    last = as_text.plan(result_of(handle(jobs, first)))
    assert len(jobs.submit_workflow(last).handles) == 1


def test_a_parent_that_is_unknown_is_refused(jobs: JobQueue) -> None:
    with pytest.raises(JobNotFound, match="no job nobody to wait for"):
        jobs.submit_workflow(add.with_options(after="nobody").plan(1))
    with pytest.raises(JobNotFound, match="to wait for: submit the parent first"):
        jobs.submit(add, result_of(add.plan(1)))
    assert jobs.jobs() == []


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("well", [True, False])
def test_callbacks(jobs: JobQueue, well: bool) -> None:
    parts = group(add.plan(1), add.plan(2) if well else fail.plan())
    calls: Any = {name: nothing.plan() for name in ("on_success", "on_failure", "on_complete")}
    batch = jobs.submit_workflow(parts, **calls)
    assert batch.wait(timeout=60)
    by_name = {name: handle(jobs, planned) for name, planned in calls.items()}
    wait_until(lambda: all(each.status.finished for each in by_name.values()))
    assert {name for name, each in by_name.items() if each.status == "succeeded"} == {
        "on_complete", "on_success" if well else "on_failure",
    }  # fmt: skip
    assert len(batch.handles) == batch.progress().total == 2


def test_a_batch_that_is_cancelled_starts_nothing_more(jobs: JobQueue, start_worker: StartWorker) -> None:
    first = add.plan(1)
    second = as_text.with_options(after=edge(first, "continue")).plan(7)
    third = as_text.with_options(after=second, after_policy="continue").plan(8)
    done = nothing.plan()
    batch = jobs.submit_workflow(third, on_complete=done)
    assert batch.cancel() == [third.id, second.id, first.id]
    assert batch.cancel() == []
    start_worker(*LINKED, slots=1)
    handle(jobs, done).result(timeout=60)
    assert batch.progress().counts == {Status.CANCELLED: 3}
    assert [each.job().attempt for each in batch.handles] == [0, 0, 0]


def test_a_batch_is_retried_from_its_parents_on(
    jobs: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """What failed and what was cancelled with it run again; what succeeded does not."""
    start_worker(*LINKED)
    good, bad = (
        add.plan(1),
        wait_for_file.with_options(timeout=0.5, retry=NO_RETRY).plan(str(tmp_path / "go")),
    )
    middle = collect.plan([result_of(good), result_of(bad)])
    last = take.plan(result_of(middle))
    wins, loses = nothing.plan(), nothing.plan()
    batch = jobs.submit_workflow(last, on_success=wins, on_failure=loses)
    assert batch.wait(timeout=60)
    handle(jobs, loses).result(timeout=60)
    wait_until(lambda: handle(jobs, wins).status == "cancelled")
    assert batch.progress().counts == {Status.SUCCEEDED: 1, Status.FAILED: 1, Status.CANCELLED: 2}

    (tmp_path / "go").touch()
    assert batch.retry() == [bad.id, middle.id, last.id]

    assert batch.results(timeout=60) == [[[1, 1], {}]]
    handle(jobs, wins).result(timeout=60)
    assert [handle(jobs, each).job().history[-1]["attempt"] for each in (good, loses)] == [1, 1]
    assert batch.retry() == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda jobs: jobs.submit_workflow(), "a workflow has at least one job"),
        (lambda jobs: jobs.submit_workflow(group()), "a workflow has at least one job"),
        (lambda jobs: jobs.submit_workflow(add), "<task add> is not planned: make it with task.plan"),
        (lambda jobs: jobs.submit_workflow(add.plan(1), on_success=add), "<task add> is not planned"),
        (lambda jobs: jobs.submit_workflow(add.plan(1), batch="a b"), "batch 'a b' is not an id"),
        (
            lambda jobs: jobs.submit_workflow(p := add.plan(1), on_complete=p),
            "<planned add .* is given twice: a callback is neither a member nor another callback",
        ),
        (
            lambda jobs: jobs.submit_workflow(add.plan(1), on_success=(p := add.plan(2)), on_complete=p),
            "<planned add .* is given twice",
        ),
        (
            lambda jobs: jobs.submit_workflow(
                add.plan(1), on_success=(p := add.plan(2)), on_complete=add.plan(result_of(p))
            ),
            "<planned add .* is given twice",
        ),
        (lambda jobs: jobs.batch("a b"), "batch 'a b' is not an id"),
        (
            lambda jobs: jobs.submit_workflow(p := add.plan(1), on_failure=add.plan(result_of(p))),
            "a job that runs when a parent fails has no result of it to read",
        ),
    ],
)
def test_what_cannot_be_is_refused(jobs: JobQueue, call: Any, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        call(jobs)
    assert jobs.jobs() == []


def test_a_workflow_that_was_cut_off_is_submitted_again(jobs: JobQueue, redis_server: RedisProcess) -> None:
    """A call in the middle finds no room; when there is some, the same objects complete it."""
    small = JobQueue(redis_server.url, config=replace(jobs.config, max_waiting=250))
    last = chord(group(*(add.plan(number) for number in range(450))), total)
    with pytest.raises(QueueFull) as caught:
        small.submit_workflow(last)
    small.close()
    assert caught.value.__notes__ == ["240 of 451 jobs were accepted: submit the same again"]
    assert jobs.batch(last.id).progress().counts == {Status.QUEUED: 240}
    assert jobs.submit_workflow(last).progress().counts == {Status.QUEUED: 450, Status.BLOCKED: 1}
