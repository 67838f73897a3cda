"""What is on a client's screen: it comes first, the same again costs and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.studio import Studio


def look(studio: Studio, **body: Any) -> Any:
    return studio.done("POST", "/queue/attention", json=body)


def first_in_line(studio: Studio) -> str:
    job = studio.jobs.broker.claim("w/1", "1.1", ["medium_priority"])
    assert job is not None
    return job.id


def test_a_photo_by_its_number_or_its_path_and_a_job_by_its_id(rooted: Studio) -> None:
    ids = rooted.done("POST", "/queue/batch", json={"photo_ids": rooted.photos})["task_ids"]
    for body, at in (
        ({"photo_id": rooted.photos[2]}, 2),
        ({"path": str(rooted.path(rooted.photos[1]))}, 1),
        ({"job_id": ids[3]}, 3),
    ):
        assert look(rooted, **body) == look(rooted, **body) == {"boosted": [ids[at]], "submitted": []}
        assert rooted.jobs.why(ids[at]).position == 0
    assert first_in_line(rooted) == ids[3]
    assert look(rooted, job_id=ids[3]) == {"boosted": [], "submitted": []}


def test_a_photo_without_a_job_gets_one(studio: Studio) -> None:
    (job_id,) = look(studio, photo_id=studio.photos[0])["submitted"]
    assert look(studio, photo_id=studio.photos[0]) == {"boosted": [job_id], "submitted": []}
    assert studio.jobs.job(job_id).priority == 10


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "give one of photo_id, path and job_id"),
        ({"photo_id": 1, "job_id": "x"}, 400, "give one of"),
        ({"photo_id": "1"}, 400, "photo_id"),
        ({"photo_id": 999_999}, 404, "process its folder first"),
        ({"path": "/etc/passwd"}, 400, "photo.roots"),
        ({"path": "relative.jpg"}, 400, "relative.jpg is refused"),
        ({"path": "SHOOT/nobody.jpg"}, 404, "there is no photo nobody.jpg in the catalog"),
        ({"job_id": "nobody"}, 404, "no job nobody"),
        ({"job_id": "not an id"}, 404, "no job not an id"),
        ({"screen": 1}, 400, "screen"),
    ],
    ids=str,
)
def test_what_cannot_be_looked_at(rooted: Studio, body: dict[str, Any], status: int, text: str) -> None:
    shoot = str(rooted.path(rooted.photos[0]).parent)
    body = {key: value.replace("SHOOT", shoot) if key == "path" else value for key, value in body.items()}
    answer = rooted.ask("POST", "/queue/attention", json=body)
    assert (answer.status_code, text in answer.get_json()["error"]) == (status, True), answer.text


def test_no_path_is_taken_where_no_roots_are_named(studio: Studio, tmp_path: Path) -> None:
    answer = studio.ask("POST", "/queue/attention", json={"path": str(tmp_path / "shoot" / "a.jpg")})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "path_not_allowed")


def test_only_who_may_change_something_may(studio: Studio) -> None:
    answer = studio.app.test_client().post("/queue/attention", json={"photo_id": studio.photos[0]})
    assert answer.status_code == 401
    assert studio.jobs.stats()["total_pending"] == 0
