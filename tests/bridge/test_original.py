"""The original client's calls: their paths, bodies and keys, and what has become of its 500s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.endings import fail
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.sessions import group_similar_photos

if TYPE_CHECKING:
    from junmai_jobs.task import Task
    from tests.bridge.studio import Studio


_BY = "jobs_by_status jobs_by_priority"


def test_a_photo_is_submitted_and_told_of(studio: Studio) -> None:
    photo = studio.photos[0]
    made = studio.done("POST", "/queue/submit", json={"photo_id": photo, "user_requested": True})
    assert made.keys() == {"message", "task_id", "photo_id"}
    assert made["photo_id"] == photo
    assert studio.jobs.job(made["task_id"]).priority == 9
    status = studio.done("GET", f"/queue/status/{made['task_id']}")
    assert status == {
        "task_id": made["task_id"], "state": "PENDING", "status": "queued",
        "ready": False, "successful": False, "failed": False,
    }  # fmt: skip


def test_photos_are_submitted_at_one_priority(studio: Studio) -> None:
    made = studio.done("POST", "/queue/batch", json={"photo_ids": studio.photos[:3], "priority": 7})
    assert made.keys() == {"message", "task_ids", "photo_count"}
    assert made["photo_count"] == 3
    assert {studio.jobs.job(task_id).priority for task_id in made["task_ids"]} == {7}


@pytest.mark.parametrize("body", [{}, {"json": {"auto_select": False}}, {"json": {}}], ids=str)
def test_a_session_is_submitted(studio: Studio, body: dict[str, Any]) -> None:
    made = studio.done("POST", f"/queue/session/{studio.session}", **body)
    assert made.keys() == {"message", "session_id", "photo_count", "task_ids"}
    assert made["photo_count"] == len(studio.photos) == len(made["task_ids"])


def test_what_has_failed_is_told_with_its_photo_if_it_has_one(studio: Studio) -> None:
    """However that was given; the first argument of another task is something else."""
    photo = studio.photos[0]
    calls: list[tuple[Task[..., Any], int, int | None]] = [
        (process_photo, photo, photo), (group_similar_photos, studio.session, None),
    ]  # fmt: skip
    made = {}
    for number, (task, given, told) in enumerate(calls, 1):
        made[studio.jobs.submit(task, given).id] = told
        claimed = studio.jobs.broker.claim("w/0", f"1.{number}", [task.options.queue])
        assert claimed
        studio.jobs.broker.end(claimed, fail({"type": "OSError", "message": "no", "traceback": ""}))
    failed = studio.done("GET", "/queue/failed")["failed_jobs"]
    assert {job["id"]: job["photo_id"] for job in failed} == made


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        ("GET /queue/stats", f"active_tasks scheduled_tasks reserved_tasks total_pending {_BY} timestamp"),
        ("GET /queue/workers", "workers active_tasks registered_tasks timestamp"),
        ("GET /queue/failed?limit=10", "failed_jobs count"),
        ("POST /queue/pause", "message"),
        ("POST /queue/resume", "message"),
        ("POST /queue/purge", "message tasks_purged"),
        ("POST /queue/priority/rebalance", "message adjusted_count total_pending timestamp"),
        ("GET /queue/priority/distribution", "by_priority total_pending average_priority timestamp"),
        ("GET /queue/priority/starvation", "candidates count age_threshold_hours"),
        ("POST /queue/priority/auto-boost", "message boosted_count candidates threshold_hours"),
    ],
)  # fmt: skip
def test_what_needs_no_body_is_answered_with_the_original_keys(studio: Studio, call: str, keys: str) -> None:
    assert studio.done(*call.split()).keys() == set(keys.split())


def test_the_words_of_the_original_stand_beside_our_own(studio: Studio) -> None:
    studio.done("POST", "/queue/submit", json={"photo_id": studio.photos[0]})
    by_status = studio.done("GET", "/queue/stats")["jobs_by_status"]
    assert by_status["pending"] == by_status["queued"] == 1
    assert by_status.keys() >= {"processing", "completed", "failed"}


def test_a_job_is_cancelled_and_retried_under_its_own_id(studio: Studio) -> None:
    task_id = studio.done("POST", "/queue/submit", json={"photo_id": studio.photos[0]})["task_id"]
    assert studio.done("POST", f"/queue/cancel/{task_id}").keys() == {"message"}
    assert studio.done("GET", f"/queue/status/{task_id}")["state"] == "REVOKED"
    retried = studio.done("POST", f"/queue/retry/{task_id}")
    assert (retried["original_task_id"], retried["new_task_id"]) == (task_id, task_id)
    assert studio.done("GET", f"/queue/status/{task_id}")["state"] == "PENDING"


def test_a_job_gets_another_priority(studio: Studio) -> None:
    task_id = studio.done("POST", "/queue/submit", json={"photo_id": studio.photos[0]})["task_id"]
    moved = studio.done("PUT", f"/queue/priority/{task_id}", json={"priority": 10})
    assert moved.keys() == {"message", "job_id", "new_priority"}
    assert studio.jobs.job(task_id).priority == 10


def test_a_session_is_boosted(studio: Studio) -> None:
    studio.done("POST", f"/queue/session/{studio.session}")
    boosted = studio.done("POST", f"/queue/priority/session/{studio.session}/boost", json={"boost_amount": 1})
    assert boosted.keys() == {"message", "session_id", "boosted_count", "total_jobs", "boost_amount"}
    assert boosted["boosted_count"] == len(studio.photos)


def test_a_purge_of_one_queue_leaves_the_others(studio: Studio) -> None:
    studio.done("POST", "/queue/submit", json={"photo_id": studio.photos[0]})
    assert studio.done("POST", "/queue/purge", json={"queue_name": "low_priority"})["tasks_purged"] == 0
    assert studio.done("POST", "/queue/purge")["tasks_purged"] == 1


@pytest.mark.parametrize(
    ("call", "body", "status", "error"),
    [
        ("POST /queue/submit", {}, 400, "photo_id is required"),
        ("POST /queue/batch", {}, 400, "photo_ids is required"),
        ("POST /queue/batch", {"photo_ids": 3}, 400, "expected `array`"),
        ("POST /queue/submit", {"photo_id": 999_999}, 404, "Photo not found: 999999"),
        ("POST /queue/session/999999", {}, 404, "Session not found: 999999"),
        ("POST /queue/priority/session/999999/boost", {}, 404, "Session not found: 999999"),
        ("GET /queue/status/nobody", None, 404, "no job nobody"),
        ("POST /queue/cancel/nobody", {}, 404, "no job"),
        ("POST /queue/retry/nobody", {}, 404, "no job"),
        ("PUT /queue/priority/nobody", {"priority": 3}, 404, "no job"),
        ("PUT /queue/priority/nobody", {}, 400, "priority is required"),
        ("PUT /queue/priority/nobody", {"priority": 11}, 400, "expected `int` <= 10"),
        ("POST /queue/priority/auto-boost", {"age_threshold_hours": "soon"}, 400, "expected `float`"),
        ("GET /queue/failed?limit=1e9", None, 400, "expected `int` <= 1000"),
        ("DELETE /queue/stats", None, 405, "not allowed"),
        ("GET /queue/nothing", None, 404, "not found"),
    ],
)
def test_what_cannot_be_done_is_told_with_a_true_status(
    studio: Studio, call: str, body: dict[str, Any] | None, status: int, error: str
) -> None:
    answer = studio.ask(*call.split(), json=body)
    assert answer.status_code == status
    assert answer.get_json().keys() == {"error", "code"}
    assert error in answer.get_json()["error"]
