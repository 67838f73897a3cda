"""Many jobs in one submission: how far it runs ahead of the server, and what stays when it breaks off."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, OptionError, QueueFull, task
from junmai_jobs.commands import submit

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 200


@task(name="submitted")
def noop(number: int, path: str = "") -> None:
    """Nothing."""


def waiting(jobs: JobQueue) -> int:
    return int(jobs.stats()["total_pending"])


def test_rows_are_drawn_at_most_two_calls_before_the_server_has_them(jobs: JobQueue) -> None:
    ahead = []

    def rows() -> Iterator[tuple[int]]:
        for number in range(5 * PAGE):
            if number % 50 == 49:
                ahead.append(number + 1 - waiting(jobs))
            yield (number,)

    handles = jobs.submit_many(noop, rows())
    assert len({handle.id for handle in handles}) == waiting(jobs) == 5 * PAGE
    assert max(ahead) <= 2 * PAGE


def test_they_wait_in_the_order_of_their_rows(jobs: JobQueue) -> None:
    handles = jobs.submit_many(noop, [(number,) for number in range(3 * PAGE)])
    ready = jobs.broker.keys.queue("default", "ready")
    assert jobs.server.client().zrange(ready, 0, -1) == [handle.id.encode() for handle in handles]


def broken(at: int, error: BaseException | None = None) -> Iterator[Any]:
    """Rows of which one is wrong, or cannot be had for this error."""
    for number in count():
        if number == at and error:
            raise error
        yield 7 if number == at else (number,)


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (None, OptionError, r"^row 450: a row is a tuple"),
        (OSError("unplugged"), OSError, "^unplugged"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
    ids=["a wrong row", "rows that end in an error", "Ctrl-C"],
)
def test_what_was_accepted_before_stays_and_is_told(
    jobs: JobQueue, error: BaseException | None, raised: type[BaseException], said: str | None
) -> None:
    with pytest.raises(raised, match=said) as caught:
        jobs.submit_many(noop, broken(450, error))
    assert caught.value.__notes__ == ["the first 400 jobs were accepted before"]
    assert waiting(jobs) == 400


def test_nothing_goes_after_a_call_that_was_refused(jobs: JobQueue) -> None:
    small = JobQueue(
        jobs.server.url, namespace=jobs.namespace, config=replace(jobs.config, max_waiting=PAGE + 50)
    )
    night = noop.with_options(queue="night")
    calls: list[Any] = [*[(noop, (number,)) for number in range(2 * PAGE)], *[(night, (0,))] * PAGE]
    with pytest.raises(QueueFull, match=r"^job 51 of 200: queue default may hold 250") as caught:
        small.submit_all(calls)
    small.close()
    assert caught.value.__notes__ == ["the first 200 jobs were accepted before"]
    assert waiting(jobs) == PAGE


def test_the_refusal_of_a_call_is_told_before_what_is_wrong_with_the_next(jobs: JobQueue) -> None:
    small = JobQueue(jobs.server.url, namespace=jobs.namespace, config=replace(jobs.config, max_waiting=50))
    with pytest.raises(QueueFull, match=r"^job 51 of 200"):
        small.submit_many(noop, broken(250))
    small.close()
    assert waiting(jobs) == 0


def test_a_call_whose_reply_is_lost_is_made_again(jobs: JobQueue) -> None:
    admin: Any = jobs.server.client()

    def rows() -> Iterator[tuple[int]]:
        for number in range(3 * PAGE):
            if number % PAGE == 100:  # the call before is on its way
                admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            yield (number,)

    handles = jobs.submit_many(noop, rows())
    assert len({handle.id for handle in handles}) == waiting(jobs) == 3 * PAGE


def test_of_a_job_that_does_not_begin_it_is_told_why(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submit, "_PATIENCE", 0.0)
    handle = jobs.submit(noop, 1)
    assert submit._tell_why(jobs, handle)
    assert f"job {handle.id} is queued: no worker is alive: start one with" in capsys.readouterr().err
    jobs.pause("default")
    assert submit._tell_why(jobs, handle)
    assert "the queue default is paused: `junmai-jobs resume default`" in capsys.readouterr().err
    jobs.cancel(handle.id)
    assert not submit._tell_why(jobs, handle)
    assert capsys.readouterr().err == ""
