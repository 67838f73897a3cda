"""The Lightroom plugin's protocol: leases that others cannot take, and late results that do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.broker import Broker
from junmai_jobs.endings import succeed
from junmai_jobs.job import Status
from junmai_jobs.keys import Keys
from junmai_jobs.limits import Unique
from junmai_jobs.settings import EXTERNAL_LEASE
from junmai_jobs.tasks.lightroom import lightroom_apply
from junmai_jobs.tasks.photos import analyze_exif
from tests.backends import Clock

if TYPE_CHECKING:
    from tests.bridge.studio import Studio

DAY = 86_400.0


@pytest.fixture
def clock(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the studio's jobs."""
    link, namespace = studio.jobs._link, studio.jobs.namespace
    monkeypatch.setattr(studio.jobs, "_broker", Broker(link, namespace, moved_clock=True))
    return Clock(link.client, Keys.of(namespace).meta)


def submit(studio: Studio, count: int = 1) -> list[str]:
    config = {"version": "1.0", "pipeline": []}
    return [studio.jobs.submit(lightroom_apply, photo_id=number, config=config).id for number in range(count)]


def test_a_plugin_gets_a_job_with_its_config_and_ends_it(studio: Studio) -> None:
    (job_id,) = submit(studio)
    got = studio.done("GET", "/job/next")
    assert (got["jobId"], got["config"]) == (job_id, {"version": "1.0", "pipeline": []})
    told = studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": got["lease"]})
    assert told["status"] == studio.jobs.job(job_id).status == "succeeded"
    again = studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": got["lease"]})
    assert again == told, "the answer may have been lost"
    assert len(studio.jobs.job(job_id).history) == 1


def test_a_plugin_is_told_which_photo_is_meant(studio: Studio) -> None:
    photo_id, elsewhere = studio.photos[0], {"target": {"identifier": "/elsewhere/a.nef"}}
    told = []
    for number, config in ((photo_id, {}), (photo_id, elsewhere), (999_999, elsewhere), (999_999, {})):
        studio.jobs.submit(lightroom_apply, photo_id=number, config=config)
        told.append(studio.done("GET", "/job/next")["photo"])
    known = {"id": photo_id, "path": str(studio.path(photo_id))}
    assert told == [known, known, {"id": 999_999, "path": "/elsewhere/a.nef"}, {"id": 999_999, "path": None}]


def test_the_catalog_hears_of_each_run(studio: Studio) -> None:
    photo_id = studio.photos[0]
    job_id = studio.jobs.submit(lightroom_apply, photo_id=photo_id, config={}).id
    lease = studio.done("GET", "/job/next?client=a")["lease"]
    with studio.catalog() as catalog:
        row = catalog.job_row(job_id)
        assert row is not None
        assert (row.status, row.photo_id, row.attempt) == (Status.RUNNING, photo_id, 1)
        body = {"status": "failure", "reason": "no disk", "lease": lease, "retry": True}
        assert studio.done("POST", f"/job/{job_id}/result", json=body)["status"] == "retrying"
        row = catalog.job_row(job_id)
        assert row is not None
        assert (row.status, row.error) == (Status.RETRYING, "no disk")


def test_the_catalog_knows_the_settings_of_the_last_run(studio: Studio, clock: Clock) -> None:
    photo_id = studio.photos[0]
    last_counts = lightroom_apply.with_options(unique=Unique("lightroom", keep="last"))
    told: list[dict[str, Any]] = [{"status": "failure", "retry": True}, {"status": "success"}]
    for number, body in enumerate(told):
        job_id = studio.jobs.submit(last_counts, photo_id=photo_id, config={"number": number}).id
        clock.advance(60)
        lease = studio.done("GET", "/job/next?client=a")["lease"]
        studio.done("POST", f"/job/{job_id}/result", json=body | {"lease": lease})
    with studio.catalog() as catalog:
        (row,) = catalog.job_rows(photo_id=photo_id)
    assert (row.status, row.config) == (Status.SUCCEEDED, {"number": 1})


def test_a_catalog_that_cannot_be_had_stops_no_job(studio: Studio) -> None:
    (job_id,) = submit(studio)
    (studio.jobs.config.home / "catalog.db").write_bytes(b"this is none")
    lease = studio.done("GET", "/job/next")["lease"]
    studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": lease})
    assert studio.jobs.job(job_id).status == "succeeded"


def test_what_is_no_order_for_a_plugin_fails_and_is_handed_to_none(studio: Studio) -> None:
    wrong = [
        studio.jobs.submit(analyze_exif.with_options(queue="lightroom"), 1).id,
        studio.jobs.submit(lightroom_apply, photo_id=1, config="{}").id,  # type: ignore[arg-type]
        studio.jobs.submit(lightroom_apply, photo_id="1", config={}).id,  # type: ignore[arg-type]
    ]
    (job_id,) = submit(studio)
    assert studio.done("GET", "/job/next")["jobId"] == job_id
    for each in wrong:
        job = studio.jobs.job(each)
        assert (job.status, job.reason) == ("failed", "corrupt_record")
        assert job.error is not None
        assert "takes lightroom_apply alone" in job.error["message"]


def test_a_plugin_that_shows_no_sign_of_life_loses_its_job(studio: Studio, clock: Clock) -> None:
    (job_id,) = submit(studio)
    lease = studio.done("GET", "/job/next?client=a")["lease"]
    waits = []
    while studio.ask("GET", "/job/next?client=b").status_code == 404:
        waits.append(EXTERNAL_LEASE / 4)
        clock.advance(EXTERNAL_LEASE / 4)
    assert EXTERNAL_LEASE <= sum(waits) <= 1.25 * EXTERNAL_LEASE
    for path, body in (("result", {"status": "success"}), ("heartbeat", {})):
        late = studio.ask("POST", f"/job/{job_id}/{path}", json=body | {"lease": lease})
        assert (late.status_code, late.get_json()["code"]) == (409, "stale_lease")
    assert [entry["event"] for entry in studio.jobs.job(job_id).history] == ["lost"]


def test_signs_of_life_keep_a_job_for_as_long_as_it_takes(studio: Studio, clock: Clock) -> None:
    (job_id,) = submit(studio)
    lease = studio.done("GET", "/job/next?client=a")["lease"]
    for done in range(10):
        clock.advance(EXTERNAL_LEASE / 4)
        body = {"lease": lease, "progress": {"done": done, "total": 10, "stage": "brushes"}}
        studio.done("POST", f"/job/{job_id}/heartbeat", json=body)
        assert studio.ask("GET", "/job/next?client=b").status_code == 404
    assert studio.jobs.job(job_id).progress == {"done": 9, "total": 10, "message": "brushes"}
    studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": lease})


def test_a_plugin_that_asks_first_after_a_sleep_costs_no_worker_its_job(studio: Studio, clock: Clock) -> None:
    broker, lanes = studio.jobs.broker, ["default", "lightroom"]
    studio.jobs.submit(analyze_exif.with_options(queue="default"), 1)
    broker.reap(lanes)
    claimed = broker.claim("w/0", "1.1", lanes)
    assert claimed
    clock.advance(60)  # the computer slept, and whoever wakes with it
    assert studio.ask("GET", "/job/next?client=a").status_code == 404
    broker.reap(lanes)  # another worker, before this one has renewed its lease
    broker.end(claimed, succeed(b""))


def test_a_failure_that_may_pass_is_tried_again_and_in_the_end_is_final(studio: Studio, clock: Clock) -> None:
    (job_id,) = submit(studio)
    told = []
    for _ in range(4):
        lease = studio.done("GET", "/job/next")["lease"]
        body = {"status": "failure", "reason": "busy", "retry": True, "lease": lease}
        told.append(studio.done("POST", f"/job/{job_id}/result", json=body)["status"])
        clock.advance(600)
    assert told == ["retrying"] * 3 + ["failed"]
    assert studio.ask("GET", "/job/next").status_code == 404


def test_nobody_waits_for_a_plugin_longer_than_a_week(studio: Studio, clock: Clock) -> None:
    old = submit(studio, 30)
    clock.advance(7 * DAY - 1)
    held = studio.done("GET", "/job/next")["jobId"]
    clock.advance(2)
    (new,) = submit(studio)
    assert studio.done("GET", "/job/next")["jobId"] == new, "those that have expired keep nobody waiting"
    for job_id in set(old) - {held}:
        job = studio.jobs.job(job_id)
        assert (job.status, job.reason) == ("cancelled", "expired")


def test_a_plugin_is_seen_while_it_waits(studio: Studio) -> None:
    assert studio.ask("GET", "/job/next?client=a").status_code == 404
    assert studio.ask("GET", "/job/next").status_code == 404
    (worker,) = studio.jobs.workers()
    assert (worker["name"], worker["alive"], worker["queues"]) == ("lightroom-a", True, ["lightroom"])


def test_a_paused_queue_hands_out_nothing(studio: Studio) -> None:
    (job_id,) = submit(studio)
    studio.jobs.pause("lightroom")
    assert studio.ask("GET", "/job/next").status_code == 404
    studio.jobs.resume("lightroom")
    assert studio.done("GET", "/job/next")["jobId"] == job_id


def test_there_is_nothing_to_do(studio: Studio) -> None:
    answer = studio.ask("GET", "/job/next")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "no_job")


@pytest.mark.parametrize("names", [("", ""), ("?client=a", "?client=b")], ids=["unnamed", "named"])
def test_two_plugins_never_share_a_job(studio: Studio, names: tuple[str, str]) -> None:
    ids = submit(studio, 2)
    got = [studio.done("GET", f"/job/next{name}")["jobId"] for name in names]
    assert sorted(got) == sorted(ids)
    assert studio.ask("GET", f"/job/next{names[0]}").status_code == (404 if not names[0] else 200)


def test_a_plugin_that_asks_again_gets_back_what_it_held(studio: Studio) -> None:
    (job_id,) = submit(studio)
    first = studio.done("GET", "/job/next?client=a")
    again = studio.done("GET", "/job/next?client=a")
    assert again["jobId"] == first["jobId"] == job_id
    late = studio.ask("POST", f"/job/{job_id}/result", json={"status": "success", "lease": first["lease"]})
    assert (late.status_code, late.get_json()["code"]) == (409, "stale_lease")
    studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": again["lease"]})


def test_without_a_lease_nothing_is_told_of_the_run_of_one_that_has_it(studio: Studio, clock: Clock) -> None:
    (job_id,) = submit(studio)
    studio.done("GET", "/job/next")
    while (given := studio.ask("GET", "/job/next?client=a")).status_code == 404:
        clock.advance(EXTERNAL_LEASE / 4)
    lease = given.get_json()["lease"]
    for path, body in (("result", {"status": "failure"}), ("heartbeat", {})):
        answer = studio.ask("POST", f"/job/{job_id}/{path}", json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "stale_lease")
    studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": lease})


def test_the_originals_plugin_tells_no_lease(studio: Studio) -> None:
    (job_id,) = submit(studio)
    studio.done("GET", "/job/next")
    studio.done("POST", f"/job/{job_id}/result", json={"status": "failure", "reason": "no such photo"})
    job = studio.jobs.job(job_id)
    assert (job.status, job.error and job.error["message"]) == ("failed", "no such photo")
    assert studio.ask("POST", f"/job/{job_id}/result", json={"status": "success"}).status_code == 409


def test_a_heartbeat_renews_the_lease_and_tells_of_a_cancel(studio: Studio) -> None:
    (job_id,) = submit(studio)
    lease = studio.done("GET", "/job/next?client=a")["lease"]
    assert studio.done("POST", f"/job/{job_id}/heartbeat", json={"lease": lease})["cancel"] is False
    studio.done("POST", f"/queue/cancel/{job_id}")
    assert studio.done("POST", f"/job/{job_id}/heartbeat", json={"lease": lease})["cancel"] is True
    stale = studio.ask("POST", f"/job/{job_id}/heartbeat", json={"lease": "1"})
    assert stale.status_code == 409
    told = studio.done("POST", f"/job/{job_id}/result", json={"status": "failure", "lease": lease})
    assert told["status"] == studio.jobs.job(job_id).status == "cancelled"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/job/nobody/result", {"status": "success"}, 404),
        ("/job/JOB/result", {"status": "well"}, 400),
        ("/job/JOB/result", {}, 400),
        ("/job/JOB/result", {"status": "success"}, 409),
        ("/job/JOB/result", {"status": "success", "lease": "soon"}, 400),
        ("/job/JOB/heartbeat", {}, 409),
        ("/job/JOB/heartbeat", {"progress": {"done": -1}}, 400),
    ],
)
def test_a_result_that_cannot_be_taken(studio: Studio, path: str, body: dict[str, Any], status: int) -> None:
    (job_id,) = submit(studio)  # nobody has claimed it
    assert studio.ask("POST", path.replace("JOB", job_id), json=body).status_code == status
