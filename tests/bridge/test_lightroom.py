"""The Lightroom plugin's protocol: leases that others cannot take, and late results that do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.tasks.lightroom import lightroom_apply

if TYPE_CHECKING:
    from tests.bridge.studio import Studio


def submit(studio: Studio, count: int = 1) -> list[str]:
    config = {"version": "1.0", "pipeline": []}
    return [studio.jobs.submit(lightroom_apply, photo_id=number, config=config).id for number in range(count)]


def test_a_plugin_gets_a_job_with_its_config_and_ends_it(studio: Studio) -> None:
    (job_id,) = submit(studio)
    got = studio.done("GET", "/job/next")
    assert (got["jobId"], got["config"]) == (job_id, {"version": "1.0", "pipeline": []})
    studio.done("POST", f"/job/{job_id}/result", json={"status": "success", "lease": got["lease"]})
    assert studio.jobs.job(job_id).status == "succeeded"


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


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/job/nobody/result", {"status": "success"}, 404),
        ("/job/JOB/result", {"status": "well"}, 400),
        ("/job/JOB/result", {}, 400),
        ("/job/JOB/result", {"status": "success"}, 409),
        ("/job/JOB/heartbeat", {}, 409),
    ],
)
def test_a_result_that_cannot_be_taken(studio: Studio, path: str, body: dict[str, Any], status: int) -> None:
    (job_id,) = submit(studio)  # nobody has claimed it
    assert studio.ask("POST", path.replace("JOB", job_id), json=body).status_code == status
