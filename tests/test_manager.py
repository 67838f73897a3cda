"""What the original's own tests ask of ``JobQueueManager``, on a real server and a real worker."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.job import Status
from junmai_jobs.manager import (
    PRIORITY_HIGH,
    PRIORITY_LOW,
    PRIORITY_MEDIUM,
    JobQueueManager,
    get_job_queue_manager,
    get_priority_for_photo,
)
from tests.command_line import CommandLine
from tests.homes import in_home
from tests.photographs import copy_to, scenes
from tests.servers import RedisProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.forks import Forks


class Studio:
    """A manager on a queue of its own, photographs in its catalog, and the command line beside it."""

    def __init__(self, server: RedisProcess, folder: Path, forks: Forks) -> None:
        with server.client() as client:
            client.flushall()
        self.url, self.home = server.url, folder / "home"
        self.jobs = JobQueue(server.url, config=load_config(environ=in_home(self.home)))
        self.manager = JobQueueManager(self.jobs)
        self.cli = CommandLine(self.home, folder / "cwd", {"JUNMAI_REDIS_URL": server.url}, forks)
        photos = copy_to(folder / "shoot")
        (folder / "shoot" / "empty.jpg").touch()
        self.scene = next(path for path in photos if path.name == scenes()[0].name)
        self.plain = next(path for path in photos if path.name == "r_canon.jpg")
        with self.catalog() as catalog:
            self.session = catalog.session("shoot", folder / "shoot")
            paths = [*photos, folder / "shoot" / "empty.jpg"]
            self.ids = catalog.photo_ids(self.session, paths)
        self.empty = self.ids[folder / "shoot" / "empty.jpg"]

    def catalog(self) -> Catalog:
        return Catalog(self.home / "catalog.db")

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[str]]:
        worker = self.cli.start("worker", "--no-schedules", "--concurrency", "2", stderr=subprocess.DEVNULL)
        try:
            yield worker
        finally:
            worker.terminate()
            self.cli.finish(worker)

    def work(self) -> None:
        assert self.cli.run("worker", "--burst").code == 0


@pytest.fixture
def studio(server: RedisProcess, tmp_path: Path, forks: Forks) -> Iterator[Studio]:
    studio = Studio(server, tmp_path, forks)
    with closing(studio.jobs):
        yield studio


# ---- priority ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "user_requested", "priority"),
    [
        (None, True, PRIORITY_HIGH),
        (1.0, True, PRIORITY_HIGH),
        (5.0, False, PRIORITY_HIGH),
        (4.5, False, PRIORITY_HIGH),
        (4.49, False, PRIORITY_MEDIUM),
        (3.5, False, PRIORITY_MEDIUM),
        (3.49, False, PRIORITY_LOW),
        (1.0, False, PRIORITY_LOW),
        (None, False, PRIORITY_MEDIUM),
    ],
)
def test_priority_of_a_photo(score: float | None, user_requested: bool, priority: int) -> None:
    assert get_priority_for_photo(score, user_requested) == priority
    assert (PRIORITY_HIGH, PRIORITY_MEDIUM, PRIORITY_LOW) == (9, 5, 1)


def test_the_more_urgent_photo_is_processed_first(studio: Studio) -> None:
    """On the original's broker 9 came last."""
    manager, ids = studio.manager, list(studio.ids.values())
    low = manager.submit_batch_processing(ids[:2], priority=1)
    high = manager.submit_photo_processing(ids[2], user_requested=True)
    studio.cli.having(JUNMAI_CONCURRENCY="1").run("worker", "--burst")
    tokens = {job_id: int(studio.jobs.job(job_id).token or 0) for job_id in [*low, high]}
    assert sorted(tokens, key=tokens.__getitem__) == [high, *low]


# ---- submission ----------------------------------------------------------------------------------


def test_a_photo_is_submitted_and_recorded(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene], config={"preset": "portrait"})
    job = studio.jobs.job(task_id)
    assert (job.task, job.queue, job.priority, job.status) == (
        "process_photo",
        "medium_priority",
        5,
        "queued",
    )
    with studio.catalog() as catalog:
        row = catalog.job_row(task_id)
    assert row is not None
    assert (row.status, row.photo_id, row.priority, row.config) == (
        "queued", studio.ids[studio.scene], 5, {"preset": "portrait"},
    )  # fmt: skip


def test_what_a_person_asks_for_has_priority_nine(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene], user_requested=True)
    assert studio.jobs.job(task_id).priority == 9


def test_a_batch_is_submitted_at_one_priority(studio: Studio) -> None:
    ids = list(studio.ids.values())
    task_ids = studio.manager.submit_batch_processing(ids, priority=2)
    assert len(task_ids) == len(set(task_ids)) == len(ids)
    assert {studio.jobs.job(task_id).priority for task_id in task_ids} == {2}
    with studio.catalog() as catalog:
        assert {row.id for row in catalog.job_rows(Status.QUEUED, limit=100)} == set(task_ids)


def test_a_session_is_submitted_without_what_is_known_to_be_bad(studio: Studio) -> None:
    first = studio.manager.submit_session_processing(studio.session)
    assert (first["session_id"], first["photo_count"]) == (studio.session, len(studio.ids))
    assert len(first["task_ids"]) == len(studio.ids)
    studio.work()
    again = studio.manager.submit_session_processing(studio.session)
    assert again["photo_count"] == len(scenes()) + 1  # and the one that could not be judged
    priorities = {studio.jobs.job(task_id).priority for task_id in again["task_ids"]}
    assert priorities <= {9, 5}
    everything = studio.manager.submit_session_processing(studio.session, auto_select=False)
    assert everything["photo_count"] == len(studio.ids)


@pytest.mark.parametrize(
    "submit",
    [
        lambda studio: studio.manager.submit_photo_processing(999),
        lambda studio: studio.manager.submit_batch_processing([*studio.ids.values(), 999]),
        lambda studio: studio.manager.submit_session_processing(999),
        lambda studio: studio.manager.submit_batch_processing([1], priority=11),
        lambda studio: studio.manager.submit_photo_processing(1, config={"mask": {1, 2}}),
        lambda studio: studio.manager.submit_photo_processing(2**70),
        lambda studio: studio.manager.submit_photo_processing([1]),
        lambda studio: studio.manager.submit_batch_processing("12"),
        lambda studio: studio.manager.get_job_status(None),
        lambda studio: studio.manager.cancel_job(7),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_submitted(
    studio: Studio, submit: Callable[[Studio], object]
) -> None:
    """In the original the job ran although the caller was told it had failed."""
    with pytest.raises(ValueError, match=r"not found|priority is 11|mask|no id of a job"):
        submit(studio)
    assert studio.jobs.jobs() == []
    with studio.catalog() as catalog:
        assert catalog.job_rows() == []


# ---- status --------------------------------------------------------------------------------------


def test_a_job_that_waits_is_pending_and_so_is_one_nobody_knows(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene])
    for known in (task_id, "unknown"):
        found = studio.manager.get_job_status(known)
        assert (found["task_id"], found["state"]) == (known, "PENDING")
        assert (found["ready"], found["successful"], found["failed"]) == (False, False, False)
        assert not found.keys() & {"result", "error"}


def test_a_job_that_succeeded_has_its_result(studio: Studio) -> None:
    """In the original the main task waited for its own parts, and always failed."""
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene])
    studio.work()
    found = studio.manager.get_job_status(task_id)
    assert (found["state"], found["ready"], found["successful"]) == ("SUCCESS", True, True)
    assert found["result"].keys() >= {"exif", "quality", "context", "preset", "processing_time"}
    assert 1 <= found["result"]["quality"]["overall_score"] <= 5
    with studio.catalog() as catalog:
        row, photo = catalog.job_row(task_id), catalog.photo_row(studio.ids[studio.scene])
    assert row is not None
    assert photo is not None
    assert (row.status, row.attempt) == ("succeeded", 1)
    assert (photo.status, photo.ai_score) == ("completed", found["result"]["quality"]["overall_score"])


def test_a_job_that_failed_says_why(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.empty)
    studio.work()
    found = studio.manager.get_job_status(task_id)
    assert (found["state"], found["ready"], found["failed"]) == ("FAILURE", True, True)
    assert found["error"] == "empty.jpg is empty (0 bytes): copy it from the card again"
    with studio.catalog() as catalog:
        row, photo = catalog.job_row(task_id), catalog.photo_row(studio.empty)
    assert row is not None
    assert photo is not None
    assert (row.status, row.error, photo.status, photo.error) == (
        "failed", found["error"], "failed", found["error"],
    )  # fmt: skip


def test_a_cancelled_job_is_revoked(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene])
    assert studio.manager.cancel_job(task_id)
    assert studio.manager.get_job_status(task_id)["state"] == "REVOKED"
    assert not studio.manager.cancel_job(task_id)
    assert not studio.manager.cancel_job("unknown")
    studio.manager.sync()
    with studio.catalog() as catalog:
        row = catalog.job_row(task_id)
    assert row is not None
    assert row.status == "cancelled"


# ---- management ----------------------------------------------------------------------------------


def test_queue_stats(studio: Studio) -> None:
    ids = list(studio.ids.values())
    studio.manager.submit_batch_processing(ids[:3], priority=5)
    studio.manager.submit_batch_processing(ids[3:5], priority=9)
    stats = studio.manager.get_queue_stats()
    assert (stats["active_tasks"], stats["scheduled_tasks"], stats["reserved_tasks"]) == (0, 0, 0)
    assert (stats["total_pending"], stats["jobs_by_priority"]) == (5, {"9": 2, "5": 3})
    words = {"pending": 5, "processing": 0, "completed": 0, "failed": 0, "queued": 5, "succeeded": 0}
    assert stats["jobs_by_status"].items() >= words.items()
    assert stats["timestamp"].endswith("Z")


def test_pause_and_resume_outlive_a_worker(studio: Studio) -> None:
    """The original's pause was lost when a worker started."""
    assert studio.manager.pause_queue()
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene])
    studio.work()
    assert studio.manager.get_job_status(task_id)["state"] == "PENDING"
    assert studio.manager.resume_queue()
    studio.work()
    assert studio.manager.get_job_status(task_id)["state"] == "SUCCESS"


def test_purge_touches_only_the_queue_it_is_given(studio: Studio) -> None:
    """The original purged them all."""
    ids = studio.manager.submit_batch_processing(list(studio.ids.values())[:3])
    assert studio.manager.purge_queue("low_priority") == 0
    assert studio.manager.get_queue_stats()["total_pending"] == 3
    assert studio.manager.purge_queue() == 3
    assert {studio.manager.get_job_status(task_id)["state"] for task_id in ids} == {"REVOKED"}


def test_another_priority_counts_in_the_queue_itself(studio: Studio) -> None:
    """The original's changed a row in its database, and nothing else."""
    first, second = studio.manager.submit_batch_processing(list(studio.ids.values())[:2])
    assert studio.manager.adjust_job_priority(second, 9)
    studio.cli.having(JUNMAI_CONCURRENCY="1").run("worker", "--burst")
    assert int(studio.jobs.job(second).token or 0) < int(studio.jobs.job(first).token or 0)
    assert not studio.manager.adjust_job_priority(first, 9)
    assert not studio.manager.adjust_job_priority("unknown", 9)
    with pytest.raises(ValueError, match="priority is 11"):
        studio.manager.adjust_job_priority(first, 11)


# ---- retry ---------------------------------------------------------------------------------------


def test_a_failed_job_is_retried_under_its_own_id(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.empty)
    studio.work()
    (studio.scene.parent / "empty.jpg").write_bytes(studio.scene.read_bytes())
    assert studio.manager.retry_failed_job(task_id) == task_id
    studio.work()
    assert studio.manager.get_job_status(task_id)["state"] == "SUCCESS"
    assert studio.manager.get_failed_jobs() == []
    assert studio.manager.retry_failed_job(task_id) is None
    assert studio.manager.retry_failed_job("unknown") is None
    assert [run["event"] for run in studio.jobs.job(task_id).history] == ["failed", "succeeded"]


def test_failed_jobs_are_listed_newest_first(studio: Studio) -> None:
    older, newer = (studio.manager.submit_photo_processing(studio.empty) for _ in range(2))
    studio.work()
    found = studio.manager.get_failed_jobs()
    assert {row["id"] for row in found} == {newer, older}
    assert found[0]["created_at"] >= found[1]["created_at"]
    assert found[0].keys() == {"id", "photo_id", "priority", "created_at", "error_message", "retry_count"}
    assert (found[0]["photo_id"], found[0]["retry_count"]) == (studio.empty, 0)
    assert "is empty" in found[0]["error_message"]
    (last,) = studio.manager.get_failed_jobs(limit=1)
    assert last in found


def test_retries_of_what_may_pass_are_counted(studio: Studio) -> None:
    studio.scene.rename(studio.scene.with_suffix(".away"))
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene])
    with studio.worker():
        wait_until(lambda: studio.jobs.job(task_id).retry_count == 1, what="the first retry")
        assert studio.manager.get_job_status(task_id)["state"] == "RETRY"
        with studio.catalog() as catalog:
            row = catalog.job_row(task_id)
        assert row is not None
        assert row.error is not None
        assert "is not there" in row.error
        studio.scene.with_suffix(".away").rename(studio.scene)
        wait_until(
            lambda: studio.manager.get_job_status(task_id)["state"] == "SUCCESS", what="the second attempt"
        )
    with studio.catalog() as catalog:
        row = catalog.job_row(task_id)
    assert row is not None
    assert (row.status, row.attempt, row.error) == ("succeeded", 2, None)


# ---- workers, and the manager itself -------------------------------------------------------------


def test_worker_stats(studio: Studio) -> None:
    assert studio.manager.get_worker_stats()["workers"] == {}
    with studio.worker() as worker:
        stats = wait_until(lambda: _alive(studio.manager), what="the worker")
        (name,) = stats["workers"]
        assert stats.keys() == {"workers", "active_tasks", "registered_tasks", "timestamp"}
        assert stats["workers"][name]["pid"] == worker.pid
        assert stats["active_tasks"] == {name: []}
        assert set(stats["registered_tasks"][name]) >= {
            "process_photo", "analyze_exif", "evaluate_quality", "group_similar_photos", "apply_preset",
            "export_photo", "cleanup_old_results", "update_system_metrics",
        }  # fmt: skip


def _alive(manager: JobQueueManager) -> Any:
    stats = manager.get_worker_stats()
    return stats if stats["workers"] else None


def test_there_is_one_manager_a_process(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUNMAI_REDIS_URL", studio.url)
    manager = get_job_queue_manager()
    assert manager is get_job_queue_manager()
    assert manager.jobs.server.url == studio.url


def test_a_worker_that_died_told_the_catalog_nothing_but_the_queue_knows(studio: Studio) -> None:
    task_id = studio.manager.submit_photo_processing(studio.ids[studio.scene])
    with studio.catalog() as catalog:
        catalog.begin_job(task_id, "process_photo", 1, studio.ids[studio.scene])
    for _ in range(3):
        with studio.jobs.server.client() as client:  # as if its time had come
            client.zadd(
                studio.jobs.inspector.keys.queue("medium_priority", "retrying"), {task_id: 0}, xx=True
            )
        studio.jobs.broker.promote(["medium_priority"])
        request = f"1.{time.monotonic_ns()}"
        assert studio.jobs.broker.claim("dead/0", request, ["medium_priority"])
        studio.jobs.broker.crash("dead/0", f"1.{time.monotonic_ns()}", {"signal": "SIGKILL"})
    studio.manager.sync()
    with studio.catalog() as catalog:
        row, photo = catalog.job_row(task_id), catalog.photo_row(studio.ids[studio.scene])
    assert row is not None
    assert photo is not None
    assert (row.status, photo.status) == ("failed", "failed")
    assert "its worker died" in (photo.error or "")
    assert photo.path.samefile(studio.scene)
