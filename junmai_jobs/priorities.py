"""The original's six priority operations. Each moves waiting jobs in the queue itself, by ``reprioritize``.

They concern the jobs that the catalog knows. A job keeps its place in line among its new equals; one that
has started or finished meanwhile is left alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from junmai_jobs.catalog import Catalog, PhotoRow
from junmai_jobs.errors import InvalidState, JobNotFound, OptionError, UnknownTask
from junmai_jobs.job import WAITING, Job, Status, iso
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.ledger import WORK
from junmai_jobs.task import find_task
from junmai_jobs.tasks.recording import CATALOG_FILE

PRIORITY_HIGH, PRIORITY_MEDIUM, PRIORITY_LOW = 9, 5, 1
_HIGHEST = 10
_HIGH_SCORE, _MEDIUM_SCORE = 4.5, 3.5
_HOURS_A_STEP, _MOST_STEPS = 10.0, 2
_STARVING_STEPS = 2
_SYNC_EVERY = 60.0  # s
_PAGE = 200


class NotInCatalog(ValueError):  # noqa: N818 - named for what it is
    """The catalog knows no such photo, or no such session."""


def get_priority_for_photo(ai_score: float | None = None, user_requested: bool = False) -> int:
    """How urgent a photo is: what a person asked for first, then the better one.

    Args:
        ai_score: 1.0 to 5.0; None: not judged yet.
        user_requested: somebody waits for it.
    """
    if user_requested:
        return PRIORITY_HIGH
    if ai_score is None:
        return PRIORITY_MEDIUM
    if ai_score >= _HIGH_SCORE:
        return PRIORITY_HIGH
    return PRIORITY_MEDIUM if ai_score >= _MEDIUM_SCORE else PRIORITY_LOW


def learned_scores(catalog: Catalog, photos: Sequence[PhotoRow]) -> list[float | None]:
    """The score of each photo with the photographer's taste in it; None: not judged yet."""
    judged = {photo.id: photo.ai_score for photo in photos if photo.ai_score is not None}
    learned = catalog.learned_scores(judged)
    return [learned.get(photo.id) for photo in photos]


class Priorities:
    """What ``JobQueueManager`` knows of priorities, on a queue and the catalog beside it.

    Args:
        jobs: None: the queue that the configuration names.
    """

    def __init__(self, jobs: JobQueue | None = None) -> None:
        self.jobs = JobQueue() if jobs is None else jobs
        self._next_sync = 0.0

    def adjust_job_priority(self, job_id: str, new_priority: int) -> bool:
        """Give a job that has not finished another priority, 0 to 10; False: there is no such job.

        Raises:
            ValueError: that is no priority.
        """
        return self._succeeds(lambda: self.jobs.reprioritize(checked_id(job_id), new_priority))

    def rebalance_priorities(self) -> dict[str, Any]:
        """Set the priority of each waiting photo job anew: by the photo's score as it is now, and by age.

        It is that of ``get_priority_for_photo``, with the photographer's taste in the score, and one more for
        every 10 hours since submission, at most 2. A job at 9 or above counts as asked for by a person, since
        nothing else tells. Whatever other priority a job was given is forgotten; twice is the same as once.

        Returns:
            ``adjusted_count``, ``total_pending`` (the jobs that were looked at) and ``timestamp``.
        """
        now, adjusted = self._now(), 0
        with self._catalog() as catalog:
            works: list[tuple[Job, PhotoRow]] = []
            for job in self._waiting(catalog, WAITING):
                photo_id = arguments_of(job).get("photo_id")
                photo = catalog.photo_row(photo_id) if job.task == WORK and type(photo_id) is int else None
                if photo is not None:
                    works.append((job, photo))
            scores = learned_scores(catalog, [photo for _, photo in works])
        for (job, _), score in zip(works, scores, strict=True):
            base = get_priority_for_photo(score, job.priority >= PRIORITY_HIGH)
            steps = min(_MOST_STEPS, int(_age_hours(job, now) / _HOURS_A_STEP))
            adjusted += self._move(job, base + steps)
        return {"adjusted_count": adjusted, "total_pending": len(works), "timestamp": self._timestamp()}

    def boost_session_priority(self, session_id: int, boost_amount: int = 2) -> dict[str, Any]:
        """Raise the priority of a session's waiting jobs by 1 to 5, up to 10.

        They are those submitted for the session, and those of its photos whoever submitted them.

        Returns:
            ``session_id``, ``boosted_count``, ``total_jobs`` (that waited) and ``boost_amount``.

        Raises:
            NotInCatalog: there is no such session.
            ValueError: the amount is not valid.
        """
        if type(boost_amount) is not int or not 1 <= boost_amount <= 5:
            raise OptionError(f"boost_amount is {boost_amount!r}; give a whole number from 1 to 5")
        with self._catalog() as catalog:
            if catalog.session_row(session_id) is None:
                raise NotInCatalog(f"Session not found: {session_id}")
            ids = set(catalog.unfinished_jobs(session_id))
            photos = {photo.id for photo in catalog.photos(session_id)}
            waiting = [
                job
                for job in self._waiting(catalog, WAITING)
                if job.id in ids or arguments_of(job).get("photo_id") in photos
            ]
        boosted = sum(self._move(job, job.priority + boost_amount) for job in waiting)
        return {
            "session_id": session_id,
            "boosted_count": boosted,
            "total_jobs": len(waiting),
            "boost_amount": boost_amount,
        }

    def get_priority_distribution(self) -> dict[str, Any]:
        """How many jobs of all queues wait in line at each priority.

        Returns:
            ``by_priority`` ("9" -> how many), ``total_pending`` (their sum: what is delayed or blocked stands
            in no line), ``average_priority`` (0.0 where none waits) and ``timestamp``.
        """
        stats = self.jobs.stats()
        counts = stats["jobs_by_priority"]
        total = sum(counts.values())
        weight = sum(int(priority) * count for priority, count in counts.items())
        return {
            "by_priority": counts,
            "total_pending": total,
            "average_priority": weight / total if total else 0.0,
            "timestamp": stats["timestamp"],
        }

    def get_starvation_candidates(self, age_threshold_hours: float = 12) -> list[dict[str, Any]]:
        """The jobs of the catalog that wait in line and were submitted so many hours ago, oldest first.

        Returns:
            For each ``job_id``, ``photo_id``, ``priority``, ``age_hours`` and ``created_at``.

        Raises:
            ValueError: that is no number of hours.
        """
        return [
            {
                "job_id": job.id,
                "photo_id": arguments_of(job).get("photo_id"),
                "priority": job.priority,
                "age_hours": round(hours, 3),
                "created_at": job.created_at,
            }
            for hours, job in self._starving(age_threshold_hours)
        ]

    def auto_boost_starving_jobs(self, age_threshold_hours: float = 12) -> dict[str, Any]:
        """Raise the priority of each starvation candidate by 2, up to 10.

        Returns:
            ``boosted_count``, ``candidates`` (how many there were) and ``threshold_hours``.

        Raises:
            ValueError: that is no number of hours.
        """
        starving = self._starving(age_threshold_hours)
        boosted = sum(self._move(job, job.priority + _STARVING_STEPS) for _, job in starving)
        return {
            "boosted_count": boosted,
            "candidates": len(starving),
            "threshold_hours": age_threshold_hours,
        }

    def _starving(self, threshold: float) -> list[tuple[float, Job]]:
        """The hours that each candidate is old, and the candidate."""
        if type(threshold) not in {int, float} or not 0 <= threshold < float("inf"):
            raise OptionError(f"age_threshold_hours is {threshold!r}; give a number of hours from 0 on")
        now = self._now()
        with self._catalog() as catalog:
            aged = [(_age_hours(job, now), job) for job in self._waiting(catalog, (Status.QUEUED,))]
        old = [(hours, job) for hours, job in aged if hours >= threshold]
        return sorted(old, key=lambda each: each[0], reverse=True)

    def _waiting(self, catalog: Catalog, statuses: tuple[Status, ...]) -> Iterator[Job]:
        """The jobs of the catalog that wait so, 200 asked for in a call."""
        ids = catalog.unfinished_jobs()
        for at in range(0, len(ids), _PAGE):
            yield from (
                job for job in self.jobs.inspector.load(ids[at : at + _PAGE]) if job.status in statuses
            )

    def _move(self, job: Job, priority: int) -> bool:
        """Whether it got another priority by this."""
        priority = min(_HIGHEST, priority)
        return priority != job.priority and self._succeeds(lambda: self.jobs.reprioritize(job.id, priority))

    def _timestamp(self) -> str:
        return iso(self.jobs.inspector.now())

    def _now(self) -> datetime:
        """By the server's clock."""
        return datetime.fromisoformat(self._timestamp())

    @property
    def _file(self) -> Path:
        return self.jobs.config.home / CATALOG_FILE

    @contextlib.contextmanager
    def _catalog(self) -> Iterator[Catalog]:
        """Opened for this call, since connections belong to threads; synced when a minute has passed."""
        with Catalog(self._file) as catalog:
            if self._next_sync <= time.monotonic():
                self._next_sync = time.monotonic() + _SYNC_EVERY
                catalog.sync_with(self.jobs.inspector.load)
            yield catalog

    @staticmethod
    def _succeeds(act: Callable[[], object]) -> bool:
        try:
            act()
        except (JobNotFound, InvalidState):
            return False
        return True


def arguments_of(job: Job) -> Mapping[str, Any]:
    """A job's arguments by name, as far as they can be told."""
    try:
        return find_task(job.task).arguments(job.args, job.kwargs)
    except (UnknownTask, TypeError):
        return job.kwargs


def checked_id(job_id: object) -> str:
    """An id as a caller gives it.

    Raises:
        OptionError: it is no text.
    """
    if isinstance(job_id, str):
        return job_id
    raise OptionError(f"{job_id!r} is no id of a job: that is a text")


def _age_hours(job: Job, now: datetime) -> float:
    """Since its submission, as far as that is known."""
    if job.created_at is None:
        return 0.0
    return max(0.0, (now - datetime.fromisoformat(job.created_at)).total_seconds() / 3600)
