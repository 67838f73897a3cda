"""The original's six priority operations: what they say, and that they move jobs in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.manager import JobQueueManager

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs.broker import Broker

HOUR = 3600.0


class Studio:
    """A manager, and a catalog with two sessions of three photos each."""

    def __init__(self, jobs: JobQueue, folder: Path) -> None:
        self.jobs, self.manager = jobs, JobQueueManager(jobs)
        self.sessions: list[int] = []
        self.photos: list[list[int]] = []
        with self.catalog() as catalog:
            for name in ("one", "two"):
                session = catalog.session(name, folder / name)
                paths = [folder / name / f"{number}.jpg" for number in range(3)]
                self.sessions.append(session)
                self.photos.append(list(catalog.photo_ids(session, paths).values()))

    @property
    def broker(self) -> Broker:
        return self.jobs.broker

    def catalog(self) -> Catalog:
        return Catalog(self.jobs.config.home / "catalog.db")

    def submit(self, photo_id: int, priority: int = 5, hours_ago: float = 0.0) -> str:
        """A waiting job of a photo, submitted so long ago."""
        (job_id,) = self.manager.submit_batch_processing([photo_id], priority)
        client, bodies = self.broker.link.client, self.broker.keys.bodies  # type: ignore[attr-defined]
        header, rest = client.hget(bodies, job_id).split(b"\n", 1)
        queue, shown, created, expires = header.split(b"|")
        aged = b"%d" % (int(created) - hours_ago * HOUR * 1000)
        client.hset(bodies, job_id, b"|".join((queue, shown, aged, expires)) + b"\n" + rest)
        return job_id

    def judge(self, photo_id: int, score: float) -> None:
        with self.catalog() as catalog, catalog._writing() as db:
            db.execute("UPDATE photos SET ai_score = ? WHERE id = ?", (score, photo_id))

    def priority(self, job_id: str) -> int:
        return self.jobs.job(job_id).priority

    def line(self) -> list[str]:
        """What workers would run, in that order."""
        ids: list[str] = []
        while job := self.broker.claim(f"w/{len(ids)}", "1.1", ["medium_priority"]):
            ids.append(job.id)
        return ids


@pytest.fixture
def studio(jobs: JobQueue, tmp_path: Path) -> Studio:
    return Studio(jobs, tmp_path)


def test_rebalancing_goes_by_score_and_age_and_moves_the_line(studio: Studio) -> None:
    (a, b, c), (d, e, _) = studio.photos
    for photo_id, score in ((a, 1.0), (b, 4.0), (c, 5.0), (d, 1.0)):
        studio.judge(photo_id, score)
    low, good, best = (studio.submit(photo_id) for photo_id in (a, b, c))
    old, unjudged = studio.submit(d, hours_ago=100), studio.submit(e, 3, hours_ago=10.5)
    asked_for = studio.submit(a, 9)
    found = studio.manager.rebalance_priorities()
    assert (found["adjusted_count"], found["total_pending"]) == (4, 6)
    assert found["timestamp"].endswith("Z")
    jobs = (low, good, best, old, unjudged, asked_for)
    assert [studio.priority(job_id) for job_id in jobs] == [1, 5, 9, 3, 6, 9]
    again = studio.manager.rebalance_priorities()
    assert (again["adjusted_count"], again["total_pending"]) == (0, 6)
    assert studio.line() == [best, asked_for, unjudged, good, old, low]


def test_rebalancing_leaves_what_runs_and_what_has_ended(studio: Studio) -> None:
    photo_id = studio.photos[0][0]
    running, cancelled = studio.submit(photo_id, 5), studio.submit(photo_id, 5)
    studio.judge(photo_id, 1.0)
    assert studio.broker.claim("w/1", "1.1", ["medium_priority"])
    studio.jobs.cancel(cancelled)
    assert studio.manager.rebalance_priorities()["adjusted_count"] == 0
    assert studio.priority(running) == 5


def test_a_session_is_boosted_whoever_submitted_its_photos(studio: Studio) -> None:
    one, two = studio.photos
    others = [studio.submit(photo_id) for photo_id in two]
    high, low = studio.submit(one[0], 9), studio.submit(one[1], 1)
    whole = studio.manager.submit_session_processing(studio.sessions[0], auto_select=False)["task_ids"]
    found = studio.manager.boost_session_priority(studio.sessions[0])
    assert found == {
        "session_id": studio.sessions[0], "boosted_count": 5, "total_jobs": 5, "boost_amount": 2,
    }  # fmt: skip
    assert [studio.priority(job_id) for job_id in (high, low, *whole)] == [10, 3, 7, 7, 7]
    assert studio.manager.boost_session_priority(studio.sessions[0], 1)["boosted_count"] == 4
    assert studio.line() == [high, *whole, *others, low]


@pytest.mark.parametrize("amount", [0, 6, True, 1.5, "2"])
def test_a_boost_is_from_one_to_five(studio: Studio, amount: int) -> None:
    with pytest.raises(ValueError, match=r"boost_amount is .*; give a whole number from 1 to 5"):
        studio.manager.boost_session_priority(studio.sessions[0], amount)


def test_a_session_that_is_not_there(studio: Studio) -> None:
    with pytest.raises(ValueError, match="Session not found: 99"):
        studio.manager.boost_session_priority(99)


def test_the_distribution_is_that_of_the_line(studio: Studio) -> None:
    empty = studio.manager.get_priority_distribution()
    assert (empty["by_priority"], empty["total_pending"], empty["average_priority"]) == ({}, 0, 0.0)
    for priority in (9, 9, 5, 1):
        studio.submit(studio.photos[0][0], priority)
    found = studio.manager.get_priority_distribution()
    assert found["by_priority"] == {"9": 2, "5": 1, "1": 1}
    assert (found["total_pending"], found["average_priority"]) == (4, 6.0)
    assert found["timestamp"].endswith("Z")


def test_who_starves_is_reported_and_boosted(studio: Studio) -> None:
    photo_id = studio.photos[0][0]
    old, older = studio.submit(photo_id, 1, hours_ago=13), studio.submit(photo_id, 9, hours_ago=20)
    young = studio.submit(photo_id, 4, hours_ago=11)
    first, second = studio.manager.get_starvation_candidates()
    assert (first["job_id"], second["job_id"]) == (older, old)
    assert second.keys() == {"job_id", "photo_id", "priority", "age_hours", "created_at"}
    assert (second["photo_id"], second["priority"]) == (photo_id, 1)
    assert second["age_hours"] == pytest.approx(13, abs=0.02)
    assert second["created_at"] == studio.jobs.job(old).created_at
    boosted = studio.manager.auto_boost_starving_jobs()
    assert boosted == {"boosted_count": 2, "candidates": 2, "threshold_hours": 12}
    assert studio.manager.auto_boost_starving_jobs(12)["boosted_count"] == 1
    assert [studio.priority(job_id) for job_id in (older, old, young)] == [10, 5, 4]
    assert studio.line() == [older, old, young]


def test_who_does_not_stand_in_line_does_not_starve(studio: Studio) -> None:
    studio.submit(studio.photos[0][0], hours_ago=13)
    assert studio.broker.claim("w/1", "1.1", ["medium_priority"])
    assert studio.manager.get_starvation_candidates() == []
    assert studio.manager.auto_boost_starving_jobs()["candidates"] == 0


@pytest.mark.parametrize("hours", [-1, True, float("nan"), float("inf"), "12"])
def test_a_threshold_is_a_number_of_hours(studio: Studio, hours: float) -> None:
    for ask in (studio.manager.get_starvation_candidates, studio.manager.auto_boost_starving_jobs):
        with pytest.raises(ValueError, match=r"age_threshold_hours is .*; give a number of hours"):
            ask(hours)
