"""What a dashboard asks for every few seconds: all of it in one answer, and at a price that does not grow."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import codec, task
from junmai_jobs.endings import fail, retry, succeed
from junmai_jobs.tasks.chores import update_system_metrics
from junmai_jobs.tasks.photos import process_photo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from junmai_jobs.endings import Ending
    from junmai_jobs.job import Claimed
    from tests.bridge.studio import Studio


@task(name="bridge.waits")
def waits(number: int = 0) -> None:
    """It is submitted, and never run."""


FULL = {"grade": "full", "slots": 2, "of": 2, "reasons": []}
EASED = {"grade": "urgent_only", "slots": 0, "of": 2, "reasons": ["CPU 97 % used by others, limit 80 %"]}
MOST_COMMANDS = 200
_requests = itertools.count(1)


def sign_in(studio: Studio, name: str = "w", **more: Any) -> None:
    """A worker with two slots shows that it is there."""
    info = {"host": "studio", "pid": 1, "queues": None, "concurrency": 2, "tasks": [], "offers": [],
            "claimers": [f"{name}/0", f"{name}/1"], "governor": FULL}  # fmt: skip
    studio.jobs.broker.register(name, info | more)


def claim(studio: Studio, queue: str = "default", slot: int = 0, name: str = "w") -> Claimed:
    claimed = studio.jobs.broker.claim(f"{name}/{slot}", f"1.{next(_requests)}", [queue], lease=600)
    assert claimed
    return claimed


def end(studio: Studio, job: Claimed, how: Ending) -> None:
    studio.jobs.broker.end(job, how)


def error(kind: str, message: str) -> Mapping[str, str]:
    return {"type": kind, "message": message, "traceback": "Traceback ..."}


def seen(studio: Studio) -> dict[str, Any]:
    told: dict[str, Any] = studio.done("GET", "/queue/overview")
    return told


def queue(studio: Studio, name: str = "default") -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in seen(studio)["queues"] if each["name"] == name]
    return found[0]


def test_a_studio_in_which_nothing_goes_on(studio: Studio) -> None:
    told = seen(studio)
    assert (told["running"], told["failed"], told["workers"], told["hardware"]) == ([], [], [], None)
    assert set(told["counts"].values()) == {0}
    assert [each["reason"] for each in told["queues"]] == [None] * len(told["queues"])
    assert len(told["throughput"]) == 60
    assert told["session"]["photos"] == len(studio.photos)


def test_what_runs_is_told_with_its_photo_and_how_far_it_is(studio: Studio) -> None:
    photo = studio.photos[0]
    sign_in(studio)
    made = studio.jobs.submit(process_photo, photo)
    job = claim(studio, "medium_priority")
    studio.jobs.broker.progress(job, {"done": 2, "total": 4, "message": "faces"})
    told = seen(studio)
    (running,) = told["running"]
    with studio.catalog() as catalog:
        row = catalog.photo_row(photo)
    assert row
    told_of = ("id", "task", "photo_id", "file", "thumbnail", "worker", "progress")
    assert {key: running[key] for key in told_of} == {
        "id": made.id, "task": "process_photo", "photo_id": photo, "file": row.path.name,
        "thumbnail": f"/photos/{photo}/thumbnail", "worker": "w",
        "progress": {"done": 2, "total": 4, "stage": "faces"},
    }  # fmt: skip
    assert running["running_s"] >= 0
    assert running["started_at"]
    assert told["session"]["id"] == studio.session
    (worker,) = told["workers"]
    assert (worker["name"], worker["host"], worker["slots"], worker["busy"]) == ("w", "studio", 2, 1)


def test_what_has_failed_last_is_told_first(studio: Studio) -> None:
    """Whenever it was submitted."""
    sign_in(studio)
    studio.jobs.submit_many(process_photo, [(photo,) for photo in studio.photos[:2]])
    last, first = (claim(studio, "medium_priority", slot) for slot in range(2))
    end(studio, first, fail(error("junmai_jobs.photo.errors.UnreadablePhoto", "no 0")))
    for _ in range(25):
        studio.jobs.submit(waits)
        end(studio, claim(studio, slot=1), fail(error("ValueError", "no")))
    end(studio, last, fail(error("OSError", "no 1")))
    assert len(seen(studio)["failed"]) == 20
    studio.jobs.retry_all(task="bridge.waits")
    newest, oldest = seen(studio)["failed"]
    assert (newest["error"], newest["retry_may_help"], newest["photo_id"]) == ("no 1", True, studio.photos[0])
    assert (oldest["error"], oldest["retry_may_help"]) == ("no 0", False)
    assert newest["failed_at"] >= oldest["failed_at"]


def test_a_pause_is_why_jobs_wait(studio: Studio) -> None:
    studio.jobs.submit(waits)
    studio.jobs.pause("default")
    found = queue(studio)
    assert (found["reason"], found["paused"], found["queued"]) == ("paused", True, 1)


def test_that_nobody_serves_a_queue_is_why(studio: Studio) -> None:
    studio.jobs.submit(waits)
    assert queue(studio)["reason"] == "no_worker"
    sign_in(studio, queues=["high_priority"])
    assert queue(studio)["reason"] == "no_worker"
    sign_in(studio)
    assert queue(studio)["reason"] == "starting"


def test_no_worker_of_all_queues_serves_lightroom(studio: Studio) -> None:
    sign_in(studio)
    studio.jobs.submit(waits.with_options(queue="lightroom"))
    found = queue(studio, "lightroom")
    assert found["reason"] == "no_worker"
    assert "Lightroom" in found["detail"]


def test_that_every_slot_has_a_job_is_why(studio: Studio) -> None:
    sign_in(studio)
    for number in range(3):
        studio.jobs.submit(waits, number)
    claim(studio)
    assert queue(studio)["reason"] == "starting"
    claim(studio, slot=1)
    found = queue(studio)
    assert (found["reason"], found["detail"]) == ("busy", "all 2 slots have a job")
    assert found["oldest_wait_s"] >= 0


def test_that_others_need_the_machine_is_why(studio: Studio) -> None:
    sign_in(studio, governor=EASED)
    studio.jobs.submit(waits)
    found = queue(studio)
    assert found["reason"] == "governor"
    assert "CPU 97 %" in found["detail"]
    assert "CPU 97 %" in seen(studio)["workers"][0]["allowance"]
    sign_in(studio, governor=EASED | {"grade": "eased", "slots": 1})
    assert queue(studio)["reason"] == "starting"
    studio.jobs.submit(waits)
    claim(studio)
    assert queue(studio)["reason"] == "governor"


def test_that_no_machine_has_what_it_takes_is_why(studio: Studio) -> None:
    studio.jobs.submit(waits.with_options(needs={"gpu": 1, "vram_mb": 8000}))
    sign_in(studio)
    assert (queue(studio)["reason"], queue(studio)["detail"]) == (
        "needs", "no worker has what its jobs need: gpu 1, vram_mb 8000",
    )  # fmt: skip
    sign_in(studio, offers=[{"pool": "studio/gpu0", "gpu": 1, "vram_mb": 9000}])
    assert queue(studio)["reason"] == "starting"


def test_that_it_is_for_later_is_why(studio: Studio) -> None:
    sign_in(studio)
    made = studio.jobs.submit(waits.with_options(delay=3600))
    found = queue(studio)
    assert (found["reason"], found["until"]) == ("scheduled", studio.jobs.job(made.id).run_at)


def test_that_it_is_tried_again_is_why(studio: Studio) -> None:
    sign_in(studio)
    made = studio.jobs.submit(waits)
    end(studio, claim(studio), retry(3600, error("OSError", "no")))
    found = queue(studio)
    assert (found["reason"], found["until"]) == ("backoff", studio.jobs.job(made.id).run_at)


def test_that_other_jobs_come_first_is_why(studio: Studio) -> None:
    sign_in(studio)
    first = studio.jobs.submit(waits.with_options(queue="night", delay=3600))
    studio.jobs.submit(waits.with_options(after=[first]))
    assert (queue(studio)["reason"], queue(studio)["blocked"]) == ("dependency", 1)


def test_that_a_limit_has_no_room_is_why(studio: Studio) -> None:
    sign_in(studio)
    for number in range(2):
        studio.jobs.submit(waits.with_options(concurrency=1), number)
    claim(studio)
    assert studio.jobs.broker.claim("w/1", "1.99999", ["default"]) is None
    found = queue(studio)
    assert (found["reason"], found["blocked"]) == ("limit", 1)
    assert "bridge.waits" in found["detail"]


def test_the_hardware_is_as_it_was_measured_last(studio: Studio) -> None:
    schedule = update_system_metrics.own_schedule()
    assert schedule
    now = int(studio.jobs.inspector.now()) // 60 * 60
    for ago, percent in ((2, 20.0), (1, 30.0)):
        studio.jobs.enqueue([schedule.job(schedule.job_id(now - 60 * ago))])
        result = {"cpu_percent": percent, "memory_percent": 54.0, "memory_available_mb": 15_000,
                  "timestamp": f"2026-01-01T00:0{ago}:00.000Z"}  # fmt: skip
        end(studio, claim(studio, "low_priority"), succeed(codec.pack(result)))
        studio.jobs.purge()
    assert seen(studio)["hardware"] == {
        "measured_at": "2026-01-01T00:01:00.000Z", "cpu_percent": 30.0, "memory_percent": 54.0,
        "memory_available_mb": 15_000, "gpu_percent": None, "gpu_memory_used_mb": None,
        "gpu_memory_total_mb": None, "gpu_celsius": None, "battery_percent": None,
    }  # fmt: skip


def test_the_last_hour_is_told_by_minutes(studio: Studio) -> None:
    inspector = studio.jobs.inspector
    minute = int(inspector.now()) // 60 * 60
    rows = {f"{minute - 60 * ago}|{5 + ago}|1|0|0|0": minute - 60 * ago for ago in (3, 59, 60)}
    studio.jobs.server.client().zadd(inspector.keys.minutes, rows)
    told = seen(studio)["throughput"]
    assert len(told) == 60
    assert [(each["succeeded"], each["failed"]) for each in (told[-4], told[0])] == [(8, 1), (64, 1)]
    assert sum(each["succeeded"] for each in told) == 8 + 64


@pytest.mark.parametrize("jobs", [40, 3_000])
def test_its_price_does_not_grow_with_the_jobs(studio: Studio, jobs: int) -> None:
    sign_in(studio)
    studio.jobs.submit_many(waits, [(number,) for number in range(jobs)])
    for _ in range(30):
        end(studio, claim(studio), fail(error("ValueError", "no")))
    claim(studio)
    with studio.jobs.server.client() as client:
        client.config_resetstat()
        seen(studio)
        asked = {
            name: each["calls"]
            for name, each in client.info("commandstats").items()
            if name != "cmdstat_config|resetstat"
        }
    assert sum(asked.values()) <= MOST_COMMANDS, asked
