"""Jobs of any task over HTTP: what is submitted, what is refused before that, and how they are listed."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import pytest

from junmai_jobs import cache, codec, task
from junmai_jobs.bridge.paths import paths_of
from junmai_jobs.codec import as_json
from junmai_jobs.job import Call, Job
from junmai_jobs.options import Options
from junmai_jobs.task import find_task, task_names
from junmai_jobs.tasks.photos import process_photo
from tests.writing import write_megabytes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.studio import Studio


@task(name="bridge.noted", queue="default")
def noted(text: str, times: int = 1) -> str:
    """It is submitted, and never run."""
    return text * times


@task(name="bridge.read", input="file")
def read(file: str) -> None:
    """It is submitted, and never run."""


def row(**more: Any) -> dict[str, Any]:
    return {"task": "bridge.noted", "args": ["a"]} | more


def refused(studio: Studio, body: Any, **more: Any) -> tuple[int, str]:
    """The status and the code; and nothing was submitted."""
    answer = studio.ask("POST", "/queue/jobs", json=body, **more)
    assert studio.jobs.stats()["total_pending"] == 0
    return answer.status_code, answer.get_json()["code"]


def test_a_job_is_submitted_as_it_was_asked_for(studio: Studio) -> None:
    options = {"queue": "night", "priority": "high", "delay": 60, "tags": ["wedding"]}
    answer = studio.ask("POST", "/queue/jobs", json=row(kwargs={"times": 3}, **options))
    told = answer.get_json()
    assert answer.status_code == 201
    assert told == {"id": told["id"], "status": "scheduled", "existing": False}
    job = studio.jobs.job(told["id"])
    assert (job.task, job.args, job.kwargs) == ("bridge.noted", ["a"], {"times": 3})
    assert (job.queue, job.priority, job.tags) == ("night", 9, ["wedding"])


def test_what_the_disk_has_no_room_for_is_refused(studio: Studio, tmp_path: Path) -> None:
    body = {"task": write_megabytes.name, "args": [2**40, str(tmp_path)]}
    assert refused(studio, body) == (507, "disk_full")


@pytest.mark.parametrize("option", [{"id": "mine"}, {"unique": "mine"}], ids=str)
def test_a_job_that_is_there_is_told(studio: Studio, option: dict[str, str]) -> None:
    first = studio.ask("POST", "/queue/jobs", json=row(**option))
    again = studio.ask("POST", "/queue/jobs", json=row(**option))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json() | {"existing": True}


def test_what_is_kept_is_answered_at_once(studio: Studio) -> None:
    key = cache.key_of_call(find_task("bridge.noted"), Call("bridge.noted", ["a"]), "")
    studio.jobs.broker.remember(key, "1", codec.pack(["é", b"x"]), lasts=60, most=9, room=999)
    answer = studio.ask("POST", "/queue/jobs", json=row(cache=60, reuse=True))
    told = answer.get_json()
    assert (answer.status_code, studio.jobs.stats()["total_pending"]) == (200, 0)
    expected = {"status": "succeeded", "existing": False, "reused": True, "result": as_json(["é", b"x"])}
    assert told == expected | {"id": told["id"]}
    missing = studio.ask("GET", f"/queue/jobs/{told['id']}")
    assert (missing.status_code, "answered with a result" in missing.get_json()["error"]) == (404, True)
    assert refused(studio, row(reuse=True)) == (400, "bad_value")
    assert studio.ask("POST", "/queue/jobs", json=row(cache=60, reuse=True, args=["b"])).status_code == 201


def test_an_id_of_a_job_with_other_content_is_refused(studio: Studio) -> None:
    studio.ask("POST", "/queue/jobs", json=row(id="mine"))
    answer = studio.ask("POST", "/queue/jobs", json=row(id="mine", args=["b"]))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_value"),
        ({"task": 3}, "bad_value"),
        ([], "bad_value"),
        ({"task": "no_such_task"}, "unknown_task"),
        (row(args=[]), "bad_payload"),
        (row(args=["a", 1, 2]), "bad_payload"),
        (row(kwargs={"colour": 1}), "bad_payload"),
        (row(args="a"), "bad_value"),
        (row(kwargs=["a"]), "bad_value"),
        (row(args=["a" * 300_000]), "bad_payload"),
        (row(priority=11), "bad_value"),
        (row(priority="urgent"), "bad_value"),
        (row(queue="Upper Case"), "bad_value"),
        (row(delay=-1), "bad_value"),
        (row(delay="soon"), "bad_value"),
        (row(eta="yesterday"), "bad_value"),
        (row(rate=3), "bad_value"),
        (row(self=3), "bad_value"),
        (row(id="no spaces"), "bad_value"),
        (row(colour="red"), "bad_value"),
        (row(hooks=[]), "bad_value"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_no_submission_is_refused_and_nothing_is_stored(studio: Studio, body: Any, code: str) -> None:
    assert refused(studio, body) == (400, code)


def test_a_parent_that_is_unknown_is_told(studio: Studio) -> None:
    assert refused(studio, row(after=["nobody"])) == (404, "job_not_found")


def test_the_description_has_every_option_that_can_be_given(studio: Studio) -> None:
    operation = studio.done("GET", "/openapi.json")["paths"]["/queue/jobs"]["post"]
    described = operation["requestBody"]["content"]["application/json"]["schema"]["properties"].keys()
    options = {field.name for field in fields(Options)} - {"rate"}
    assert described == options | {"task", "args", "kwargs", "eta"}


# ---- paths ---------------------------------------------------------------------------------------


def of_photo(studio: Studio, task: str = "process_photo", **kwargs: Any) -> dict[str, Any]:
    return {"task": task, "kwargs": {"photo_id": studio.photos[0]} | kwargs}


def test_a_photo_is_named_by_its_number_or_by_a_path_below_the_roots(rooted: Studio, tmp_path: Path) -> None:
    path = str(tmp_path / "shoot" / "L01.jpg")
    for body in (of_photo(rooted), of_photo(rooted, path=path), of_photo(rooted, path=None)):
        assert rooted.ask("POST", "/queue/jobs", json=body).status_code == 201


@pytest.mark.parametrize(
    ("task", "kwargs"),
    [
        ("process_photo", {"path": "/etc/passwd"}),
        ("process_photo", {"path": "SHOOT/../secret.jpg"}),
        ("process_photo", {"path": "L01.jpg"}),
        ("process_photo", {"path": ["SHOOT/L01.jpg"]}),
        ("process_photo", {"companion": "/etc/passwd"}),
        ("process_photo", {"catalog": "SHOOT/L01.jpg"}),
        ("analyze_exif", {"path": "/dev/zero"}),
        ("evaluate_quality", {"path": "SHOOT/out.jpg"}),
        ("export_photo", {"destination": "SHOOT/L01"}),
        ("export_photo", {"companion": "SHOOT/L01.jpg"}),
        ("apply_preset", {"catalog": "/etc/passwd"}),
    ],
    ids=str,
)
def test_no_photo_task_is_a_way_to_another_file(
    rooted: Studio, tmp_path: Path, task: str, kwargs: dict[str, Any]
) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "shoot" / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    shoot = str(tmp_path / "shoot")
    given = {
        name: value.replace("SHOOT", shoot)
        if isinstance(value, str)
        else [each.replace("SHOOT", shoot) for each in value]
        for name, value in kwargs.items()
    }
    assert refused(rooted, of_photo(rooted, task, **given)) == (400, "path_not_allowed")


def test_an_argument_by_its_place_is_looked_at_as_well(rooted: Studio) -> None:
    body = {"task": "process_photo", "args": [rooted.photos[0], "/etc/passwd"]}
    assert refused(rooted, body) == (400, "path_not_allowed")


@pytest.mark.parametrize(("file", "status"), [("SHOOT/L01.jpg", 201), ("/etc/passwd", 400)])
def test_what_a_task_declares_as_its_input_is_below_the_roots(
    rooted: Studio, tmp_path: Path, file: str, status: int
) -> None:
    body = {"task": "bridge.read", "args": [file.replace("SHOOT", str(tmp_path / "shoot"))]}
    assert rooted.ask("POST", "/queue/jobs", json=body).status_code == status


def test_without_roots_no_path_can_be_named(studio: Studio, tmp_path: Path) -> None:
    body = of_photo(studio, path=str(tmp_path / "shoot" / "L01.jpg"))
    assert refused(studio, body) == (400, "path_not_allowed")


def test_every_path_that_a_photo_task_takes_is_an_input_or_refused(rooted: Studio) -> None:
    """A task that comes to have another path is to be thought of here."""
    ours = [
        name for name in task_names() if find_task(name).function.__module__.startswith("junmai_jobs.tasks.")
    ]
    taken = {path for name in ours for path in paths_of(find_task(name))}
    assert taken == {"path", "companion", "catalog", "destination"}


# ---- looking -------------------------------------------------------------------------------------


def test_a_job_is_shown_whole(studio: Studio) -> None:
    made = studio.ask("POST", "/queue/jobs", json=row()).get_json()
    shown = studio.done("GET", f"/queue/jobs/{made['id']}")
    assert shown.keys() == {field.name for field in fields(Job)} | {"photo_id", "file", "thumbnail"}
    assert (shown["id"], shown["args"], shown["status"]) == (made["id"], ["a"], "queued")


def test_the_photo_that_a_job_works_on_is_told(studio: Studio) -> None:
    """Also of one that knows it by its number alone."""
    photo, nobody = studio.photos[0], 999_999
    known = studio.jobs.submit(process_photo, photo).id
    unknown = studio.jobs.submit(process_photo, nobody).id
    plain = studio.jobs.submit(noted, "a").id
    listed = {job["id"]: job for job in studio.done("GET", "/queue/jobs")["jobs"]}
    assert {key: (job["photo_id"], job["file"], job["thumbnail"]) for key, job in listed.items()} == {
        known: (photo, studio.path(photo).name, f"/photos/{photo}/thumbnail"),
        unknown: (nobody, None, f"/photos/{nobody}/thumbnail"),
        plain: (None, None, None),
    }
    assert studio.done("GET", f"/queue/jobs/{known}") == listed[known]


def test_jobs_are_told_of_also_while_the_catalog_cannot_be_read(studio: Studio) -> None:
    made = studio.jobs.submit(process_photo, studio.photos[0])
    for file in studio.jobs.config.home.glob("catalog.db*"):
        file.write_bytes(b"no catalog " * 100)
    (listed,) = studio.done("GET", "/queue/jobs")["jobs"]
    assert (listed["id"], listed["photo_id"], listed["file"]) == (made.id, studio.photos[0], None)
    told = studio.done("GET", "/queue/overview")
    assert (told["counts"]["queued"], told["session"]) == (1, None)


def test_what_json_has_no_form_for_is_told_as_text(studio: Studio, tmp_path: Path) -> None:
    given = [tmp_path / "a.jpg", b"\x00\xff", float("nan"), "plain"]
    handle = studio.jobs.submit(noted, cast("Any", given))
    shown = studio.done("GET", f"/queue/jobs/{handle.id}")
    assert shown["args"] == [[str(tmp_path / "a.jpg"), "AP8=", None, "plain"]]


def test_jobs_are_listed_newest_first_page_by_page(studio: Studio) -> None:
    made = [studio.jobs.submit(noted, str(number)).id for number in range(7)][::-1]
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = studio.done("GET", f"/queue/jobs?limit=3&offset={offset}")
        seen += [job["id"] for job in page["jobs"]]
        offset = page["next_offset"]
    assert seen == made


def test_jobs_are_listed_by_status_queue_and_task(studio: Studio) -> None:
    wanted = studio.jobs.submit(noted.with_options(queue="night", delay=60), "a").id
    studio.jobs.submit(noted, "b")
    for query in ("status=scheduled", "queue=night", "task=bridge.noted&queue=night"):
        assert [job["id"] for job in studio.done("GET", f"/queue/jobs?{query}")["jobs"]] == [wanted]
    assert studio.done("GET", "/queue/jobs?task=bridge.read") == {"jobs": [], "next_offset": None}


@pytest.mark.parametrize(
    "query",
    [
        "limit=1e9", "limit=-1", "limit=0", "limit=501", "limit=abc", "limit=", "offset=-1", "offset=10001",
        "limit=1&limit=2", "colour=red", "days=999999", "status=nothing", "queue=Upper Case", "queue=%00",
        "task=" + "a" * 200, "limit=99999999999999999999999",
    ],
)  # fmt: skip
def test_a_query_that_is_none_is_refused(studio: Studio, query: str) -> None:
    answer = studio.ask("GET", f"/queue/jobs?{query}")
    assert answer.status_code == 400
    assert answer.get_json().keys() == {"error", "code"}


@pytest.mark.parametrize(
    "job_id",
    [
        "nobody", "%00", "a%00b", "%FF%FE", "%F0%9F%93%B7", "a/b//c", "a//b", "..", "..%2F..%2Fx", "%20",
        "a%0D%0Ab", "<script>", "x" * 10_000, "-1", "%25", "{}",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/queue/jobs/"), ("GET", "/queue/status/"), ("POST", "/queue/cancel/"),
        ("POST", "/queue/retry/"), ("PUT", "/queue/priority/"),
    ],
)  # fmt: skip
def test_an_id_that_no_job_has_is_not_found(studio: Studio, method: str, path: str, job_id: str) -> None:
    answer = studio.ask(method, path + job_id, **({"json": {"priority": 3}} if method == "PUT" else {}))
    assert (answer.status_code, answer.get_json()["code"]) in {(404, "job_not_found"), (404, "not_found")}


def test_an_id_with_slashes_in_a_row_is_found(studio: Studio) -> None:
    made = studio.jobs.submit(noted.with_options(id="shoot//a/b"), "a")
    assert studio.done("GET", "/queue/jobs/shoot//a/b")["id"] == made.id


def test_why_a_job_does_not_run_is_told(studio: Studio) -> None:
    job_id = studio.ask("POST", "/queue/jobs", json=row()).get_json()["id"]
    told = studio.done("GET", f"/queue/jobs/{job_id}/why")
    assert told == studio.jobs.why(job_id).as_dict()
    assert (told["reason"], told["position"], told["expected_start"]) == ("no_worker", 0, None)
    assert studio.ask("GET", "/queue/jobs/nobody/why").status_code == 404
