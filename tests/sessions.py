"""Whole sessions: the photographs of one, and what is left of it in the folder, the catalog and the queue."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import redis
from PIL import Image

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog, PhotoRow
from junmai_jobs.demo.bursts import Burst, make_burst
from junmai_jobs.job import Job
from junmai_jobs.keys import Keys
from junmai_jobs.plan import QUEUES
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.command_line import CommandLine, Done
from tests.photo.pictures.raw_files import nef
from tests.photographs import scenes

MOST = 100_000  # jobs that a test looks at
FIRST_FRAME = datetime(2026, 5, 1, 10)  # noqa: DTZ001 - as cameras write it


def make_shoot(folder: Path, count: int) -> list[Burst]:
    """Write bursts of five, a minute apart and each in a folder of its own; of every fourth one the frame to
    keep is a RAW file. From the 33rd on they show again what the first did."""
    bursts = []
    for number in range(count):
        scene = scenes()[3 - number % 4]
        turned = folder.parent / f"turned {scene.name}"
        with Image.open(scene) as image:
            view = number // 4 % 8  # of a scene that can be turned and mirrored in seven ways
            shown = image.transpose(Image.Transpose(view - 1)) if view else image
            shown.save(turned, quality=95, exif=image.getexif())
        start = FIRST_FRAME + timedelta(minutes=number)
        burst = make_burst(turned, folder / f"burst {number:02}", start=start, seed=number)
        if number % 4 == 0:
            raw = nef(burst.sharp.with_suffix(".NEF"), burst.sharp.read_bytes())
            burst.sharp.unlink()
            burst = Burst([raw if frame == burst.sharp else frame for frame in burst.frames], raw)
        bursts.append(burst)
    return bursts


def photo_rows(home: Path, session_id: int) -> list[PhotoRow]:
    with Catalog(home / CATALOG_FILE) as catalog:
        return [replace(row, group_id=row.group_id and 1) for row in catalog.photos(session_id)]


def jobs_of(home: Path, jobs: JobQueue, session_id: int) -> list[Job]:
    """The jobs of a session that is over; the catalog and the queue must say the same of each.

    What was not needed, as its photo was looked at before, is in the catalog alone.
    """
    with Catalog(home / CATALOG_FILE) as catalog:
        rows = catalog.job_rows(session_id=session_id, limit=MOST)
        answered = catalog.answered_jobs(session_id)
    found = jobs.inspector.load([row.id for row in rows])
    in_queue = {job.id: (job.status, job.attempt, job.finished_at is not None) for job in found}
    needed = (row for row in rows if row.id not in answered)
    in_catalog = {row.id: (row.status, row.attempt, row.finished_at is not None) for row in needed}
    assert in_catalog == in_queue
    assert all(job.status.finished for job in found)
    return found


def contents(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def hurry(jobs: JobQueue) -> None:
    """Make due what waits for its time, as if that had come."""
    client, keys = jobs._link.client, Keys.of(jobs.namespace)
    for home in (keys.queue(queue, word) for queue in QUEUES for word in ("scheduled", "retrying")):
        for job_id in client.zrange(home, 0, -1):
            client.zadd(home, {job_id: 0}, xx=True)
    if not client.llen(keys.alarm):
        client.rpush(keys.alarm, 1)


def finish_in_a_hurry(cli: CommandLine, process: subprocess.Popen[str], jobs: JobQueue) -> Done:
    """Wait for the end of a command without the pauses before retries. It must not print much."""
    pause = threading.Event()
    while process.poll() is None:
        with contextlib.suppress(redis.ConnectionError):  # it may still have to start the server
            hurry(jobs)
        pause.wait(0.05)
    return cli.finish(process)
