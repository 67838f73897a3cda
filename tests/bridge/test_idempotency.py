"""Requests that come twice: the same key and content give the same jobs, whatever has happened meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import task
from junmai_jobs.endings import succeed

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.bridge.studio import Studio


@task(name="bridge.kept")
def kept(text: str) -> None:
    """It is submitted, and never run."""


def ask(studio: Studio, path: str, body: Any, key: str = "k1") -> TestResponse:
    return studio.ask("POST", path, json=body, headers={"Idempotency-Key": key})


def ids_of(answer: TestResponse) -> list[str]:
    assert answer.status_code in {200, 201}, answer.text
    told = answer.get_json()
    ids: list[str] = told.get("task_ids") or [told.get("task_id") or told["id"]]
    return ids


def calls(studio: Studio) -> list[tuple[str, dict[str, Any]]]:
    first, second, *_ = studio.photos
    return [
        ("/queue/jobs", {"task": "bridge.kept", "args": ["a"]}),
        ("/queue/submit", {"photo_id": first}),
        ("/queue/batch", {"photo_ids": [first, second]}),
        (f"/queue/session/{studio.session}", {}),
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_request_that_comes_twice_gives_the_same_jobs(studio: Studio, number: int) -> None:
    path, body = calls(studio)[number]
    first, again = ids_of(ask(studio, path, body)), ids_of(ask(studio, path, body))
    assert again == first
    assert studio.jobs.stats()["total_pending"] == len(first)


@pytest.mark.parametrize("number", range(4))
def test_another_key_gives_other_jobs(studio: Studio, number: int) -> None:
    path, body = calls(studio)[number]
    first, other = ids_of(ask(studio, path, body)), ids_of(ask(studio, path, body, "k2"))
    assert set(first).isdisjoint(other)
    assert studio.jobs.stats()["total_pending"] == 2 * len(first)


def test_a_job_that_is_there_is_told_so(studio: Studio) -> None:
    path, body = calls(studio)[0]
    first, again = ask(studio, path, body), ask(studio, path, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json() | {"existing": True}


@pytest.mark.parametrize("number", range(4))
def test_a_key_stands_for_one_content(studio: Studio, number: int) -> None:
    """Whatever the other request asks for, and whichever endpoint it asks."""
    every = calls(studio)
    others = [
        *every[:number], *every[number + 1 :],
        ("/queue/jobs", {"task": "bridge.kept", "args": ["b"]}),
        ("/queue/jobs", {"task": "bridge.kept", "args": ["a"], "delay": 60}),
        ("/queue/submit", {"photo_id": studio.photos[0], "user_requested": True}),
        ("/queue/batch", {"photo_ids": studio.photos[:2], "priority": 7}),
        ("/queue/batch", {"photo_ids": studio.photos[2:4]}),
        (f"/queue/session/{studio.session}", {"auto_select": False}),
    ]  # fmt: skip
    first = ids_of(ask(studio, *every[number]))
    for path, body in others:
        answer = ask(studio, path, body)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_conflict"), (path, body)
    assert studio.jobs.stats()["total_pending"] == len(first)


@pytest.mark.parametrize(
    "same", ['{"args":["a"],"task":"bridge.kept"}', '{ "task" : "bridge.kept", "args":["a"]}']
)
def test_how_the_same_content_is_written_does_not_count(studio: Studio, same: str) -> None:
    first = ids_of(ask(studio, *calls(studio)[0]))
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    assert ids_of(studio.ask("POST", "/queue/jobs", data=same, headers=headers)) == first


def test_what_is_known_of_a_photo_meanwhile_changes_no_request(studio: Studio) -> None:
    """Its priority follows from its score, and whether a session's photo is wanted at all."""
    found = [calls(studio)[number] for number in (1, 3)]
    first = [ids_of(ask(studio, path, body, f"k{at}")) for at, (path, body) in enumerate(found)]
    with studio.catalog() as catalog:
        nothing: dict[str, Any] = {
            "camera": dict.fromkeys(("make", "model", "lens")),
            "settings": dict.fromkeys(("focal_length", "aperture", "shutter_speed", "iso")),
            "location": dict.fromkeys(("latitude", "longitude")),
            "datetime": {"capture_time": None},
            "context_hints": {"subject_type": None, "lighting": None, "special_lighting": None},
        }
        scores = dict.fromkeys(("focus_score", "exposure_score", "composition_score"), 1.0)
        for photo in studio.photos:
            quality = {"overall_score": 1.0, "quality": scores, "metrics": {}}
            catalog.record_result(photo, exif=nothing, quality=quality)
    again = [ids_of(ask(studio, path, body, f"k{at}")) for at, (path, body) in enumerate(found)]
    assert again == first


def test_a_job_that_has_run_answers_still(studio: Studio) -> None:
    first = ids_of(ask(studio, *calls(studio)[0]))
    broker = studio.jobs.broker
    claimed = broker.claim("w/0", "1.1", ["default"])
    assert claimed
    broker.end(claimed, succeed(b"\xc0"))
    answer = ask(studio, *calls(studio)[0])
    assert answer.get_json() == {"id": first[0], "status": "succeeded", "existing": True}


def test_when_its_job_is_forgotten_a_key_is_as_new(studio: Studio) -> None:
    first = ids_of(ask(studio, *calls(studio)[0]))
    studio.jobs.cancel(first[0])
    studio.jobs.broker.prune("cancelled", max_age=1e6, keep=0)
    answer = ask(studio, "/queue/jobs", {"task": "bridge.kept", "args": ["b"]})
    assert (answer.status_code, ids_of(answer)) == (201, first)


def test_of_those_that_come_at_once_one_makes_the_job(studio: Studio) -> None:
    path, body = calls(studio)[0]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(studio, path, body), range(24)))
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]


def test_of_those_that_differ_and_come_at_once_one_is_done(studio: Studio) -> None:
    bodies = [{"task": "bridge.kept", "args": [str(number)]} for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: ask(studio, "/queue/jobs", body), bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 23
    assert {answer.get_json().get("code") for answer in answers} == {None, "idempotency_conflict"}
    assert studio.jobs.stats()["total_pending"] == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "schl\xfcssel", "a\tb", "\x7f"], ids=repr)
@pytest.mark.parametrize("number", range(4))
def test_what_is_no_key_is_refused(studio: Studio, number: int, key: str) -> None:
    path, body = calls(studio)[number]
    answer = ask(studio, path, body, key)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_value")
    assert studio.jobs.stats()["total_pending"] == 0


@pytest.mark.parametrize(
    "key", ["k" * 255, "a b", "~!@#$%^&*()", '"8e03978e-40d5-43e8-bc93-6894a57f9324"'], ids=repr
)
def test_any_printable_text_is_a_key(studio: Studio, key: str) -> None:
    path, body = calls(studio)[0]
    assert ids_of(ask(studio, path, body, key)) == ids_of(ask(studio, path, body, key))


def test_a_key_and_an_id_do_not_go_together(studio: Studio) -> None:
    answer = ask(studio, "/queue/jobs", {"task": "bridge.kept", "args": ["a"], "id": "mine"})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_value")


def test_a_refusal_uses_up_no_key(studio: Studio) -> None:
    assert ask(studio, "/queue/jobs", {"task": "bridge.kept"}).status_code == 400
    assert ask(studio, "/queue/submit", {"photo_id": 999_999}).status_code == 404
    assert ask(studio, *calls(studio)[0]).status_code == 201
