"""A studio in which much goes on and that stands still: its jobs are where they are put by the verbs."""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs import codec
from junmai_jobs.endings import Ending, fail, retry, succeed
from junmai_jobs.job import iso
from junmai_jobs.keys import Keys
from junmai_jobs.tasks.chores import update_system_metrics
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.sessions import apply_preset, finish_session, group_similar_photos

if TYPE_CHECKING:
    from collections.abc import Mapping

    from junmai_jobs import JobQueue
    from junmai_jobs.job import Claimed

WORKER = "studio.1.1"
SLOTS = 3
_HOUR = 3600.0
_READING = {"cpu_percent": 38.0, "memory_percent": 54.0, "memory_available_mb": 15_000, "gpu_load": 71,
            "gpu_memory_used": 3_200, "gpu_memory_total": 8_192, "gpu_temperature": 63}  # fmt: skip


class Scene:
    """The jobs of a session: those of the first photographs have failed, of the next run, the others wait.

    Args:
        jobs: where they are put.
        session: the session's id.
        photos: its photographs and their ids, eight or more.
        broken: what is wrong with the first ones.
    """

    def __init__(
        self, jobs: JobQueue, session: int, photos: Mapping[Path, int], broken: Mapping[Path, str]
    ) -> None:
        self._jobs, self._session = jobs, session
        self._requests = itertools.count(1)
        self.sign_in()
        self._measure()
        for path, error in broken.items():
            self._end(self._claim(process_photo, photos[path], path), fail(_error(error)))
        whole = [(photo, path) for path, photo in photos.items() if path not in broken]
        self._end(self._claim(process_photo, *whole.pop()), retry(_HOUR, _error("its drive is away")))
        self._run(whole)
        self._wait(whole[SLOTS:])
        self._remember()

    def sign_in(self) -> None:
        """The worker shows that it is there: it counts as alive for half a minute from now on."""
        governor = {"grade": "full", "slots": SLOTS, "of": SLOTS, "reasons": []}
        info = {"host": "studio", "pid": 1, "started_at": None, "queues": None, "concurrency": SLOTS,
                "tasks": ["apply_preset", "export_photo", "finish_session", "group_similar_photos",
                          "process_photo", "update_system_metrics"],
                "claimers": [f"{WORKER}/{slot}" for slot in range(SLOTS)], "offers": [],
                "governor": governor}  # fmt: skip
        self._jobs.broker.register(WORKER, info)

    def _run(self, photos: list[tuple[int, Path]]) -> None:
        (first, second, third, *_) = photos
        self._claim(process_photo, *first, slot=0)
        export = self._claim(export_photo, second[0], None, slot=1, session_id=self._session)
        self._jobs.broker.progress(export, {"done": 2, "total": 3, "message": ""})
        self._claim(apply_preset, third[0], None, slot=2)

    def _wait(self, photos: list[tuple[int, Path]]) -> None:
        for photo, _ in photos:
            self._jobs.submit(process_photo, photo)  # which the catalog has by this number
        groups = self._jobs.submit(group_similar_photos, self._session)
        self._jobs.submit(finish_session.with_options(after=[groups]), self._session)
        self._jobs.pause("low_priority")

    def _claim(self, task: Any, photo: int, path: Path | None, slot: int = 0, **more: Any) -> Claimed:
        given = more if path is None else {"path": path}
        job = self._jobs.submit(task, photo_id=photo, **given)
        claimed = self._claimed(task.options.queue, slot)
        assert claimed.id == job.id
        return claimed

    def _claimed(self, queue: str, slot: int) -> Claimed:
        claimed = self._jobs.broker.claim(
            f"{WORKER}/{slot}", f"1.{next(self._requests)}", [queue], lease=_HOUR
        )
        assert claimed
        return claimed

    def _end(self, job: Claimed, how: Ending) -> None:
        self._jobs.broker.end(job, how)

    def _measure(self) -> None:
        now, schedule = time.time(), update_system_metrics.own_schedule()
        assert schedule
        own_id = schedule.job_id(int(now) // 60 * 60)
        self._jobs.submit(update_system_metrics.with_options(id=own_id, unique=None))
        claimed = self._claimed(update_system_metrics.options.queue, 0)
        self._end(claimed, succeed(codec.pack(_READING | {"timestamp": iso(now)})))

    def _remember(self) -> None:
        """An hour's history: it has begun slowly, and a few have failed."""
        this_minute = int(time.time()) // 60 * 60
        rows = {}
        for ago in range(1, 55):
            at = this_minute - 60 * ago
            done = round(9 + 5 * math.sin(ago / 5) + 2 * math.sin(ago * 1.7)) if ago < 50 else 2
            rows[f"{at}|{done}|{int(ago in {12, 31})}|0|40|3"] = at
        self._jobs._link.client.zadd(Keys.of(self._jobs.namespace).minutes, rows)


def _error(message: str) -> dict[str, Any]:
    where = "junmai_jobs.photo.errors.UnreadablePhoto"
    traceback = f"Traceback (most recent call last):\n  …\n{where}: {message}\n"
    return {"type": where, "message": message, "traceback": traceback}
