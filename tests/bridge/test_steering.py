"""Steering by queue and by task, beyond what the original bridge could."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.endings import fail
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import process_photo

if TYPE_CHECKING:
    from tests.bridge.studio import Studio

MEDIUM = {"queue_name": "medium_priority"}


def paused(studio: Studio) -> set[str]:
    return {name for name, queue in studio.jobs.stats()["queues"].items() if queue["paused"]}


def test_one_queue_is_paused_and_resumed(studio: Studio) -> None:
    studio.done("POST", "/queue/pause", json=MEDIUM)
    assert paused(studio) == {"medium_priority"}
    studio.done("POST", "/queue/resume", json=MEDIUM)
    assert paused(studio) == set()


def test_all_queues_are_paused_and_one_goes_on(studio: Studio) -> None:
    studio.done("POST", "/queue/pause")
    studio.done("POST", "/queue/resume", json=MEDIUM)
    assert paused(studio) == {"high_priority", "default", "low_priority"}
    studio.done("POST", "/queue/resume", json={})
    assert paused(studio) == set()


@pytest.mark.parametrize("name", ["", "No Name", 3])
def test_a_queue_that_can_be_none_is_refused(studio: Studio, name: object) -> None:
    for verb in ("pause", "resume", "purge"):
        answer = studio.ask("POST", f"/queue/{verb}", json={"queue_name": name})
        assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_value")


def test_each_failed_job_or_those_of_one_task_wait_again(studio: Studio) -> None:
    photo, error = studio.photos[0], {"type": "ValueError", "message": "dark", "traceback": ""}
    ids = [studio.jobs.submit(task, photo_id=photo).id for task in (process_photo, export_photo)]
    for number, queue in enumerate(("medium_priority", "low_priority")):
        claimed = studio.jobs.broker.claim("w/1", f"1.{number + 1}", [queue])
        assert claimed
        studio.jobs.broker.end(claimed, fail(error))
    assert studio.done("POST", "/queue/retry", json={"task": "export_photo"})["retried"] == ids[1:]
    assert studio.done("POST", "/queue/retry")["retried"] == ids[:1]
    assert studio.done("POST", "/queue/retry") == {"message": "Jobs retried", "retried": []}
    assert {studio.jobs.job(job_id).status for job_id in ids} == {"queued"}
