from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from junmai_jobs.job import Status
from junmai_jobs.waiting import as_they_finish, deadline_in, pauses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs.inspector import Inspector


class Answers:
    """An inspector that has one answer a call, the last for good."""

    def __init__(self, *answers: dict[str, Status]) -> None:
        self._answers = list(answers)
        self.asked: list[list[str]] = []

    def statuses(self, ids: Sequence[str]) -> dict[str, Status]:
        self.asked.append(list(ids))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return {each: answer[each] for each in ids if each in answer}


def inspector(*answers: dict[str, Status]) -> Any:
    return Answers(*answers)


def test_pauses_grow_to_a_fifth_of_a_second() -> None:
    found = [pause for pause, _ in zip(pauses(math.inf), range(40), strict=False)]
    assert found[0] == 0.002
    assert found == sorted(found)
    assert found[-1] == 0.2


def test_no_pause_goes_past_the_deadline() -> None:
    assert list(pauses(time.monotonic())) == []
    assert next(pauses(deadline_in(0.001))) <= 0.001


def test_ids_come_as_their_jobs_end_and_are_not_asked_for_again() -> None:
    found = inspector(
        {"a": Status.RUNNING, "b": Status.SUCCEEDED, "c": Status.QUEUED},
        {"a": Status.RUNNING, "c": Status.FAILED},
        {"a": Status.RUNNING},
        {"a": Status.CANCELLED},
    )
    assert list(as_they_finish(cast("Inspector", found), ["a", "b", "c", "a"])) == ["b", "c", "a"]
    assert found.asked == [["a", "b", "c"], ["a", "c"], ["a"], ["a"]]


def test_a_job_that_is_not_kept_counts_as_ended() -> None:
    assert list(as_they_finish(inspector({}), ["a"])) == ["a"]


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_at_the_deadline_it_asks_once_more(timeout: float) -> None:
    found = inspector({"a": Status.RUNNING, "b": Status.SUCCEEDED})
    assert list(as_they_finish(found, ["a", "b"], deadline_in(timeout))) == ["b"]
    assert found.asked[-1] == (["a"] if timeout else ["a", "b"])
