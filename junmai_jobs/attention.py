"""The photo that somebody looks at: its jobs come first of all, see ``JobQueue.boost``."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TypedDict

from junmai_jobs.catalog import Catalog, PhotoRow, PlannedJob
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.keys import FINISHED_HOMES
from junmai_jobs.photo.errors import shown
from junmai_jobs.photo.pictures.files import PHOTO_SUFFIXES
from junmai_jobs.photo.pictures.opening import Roots
from junmai_jobs.priorities import NotInCatalog
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE

FIRST = 10
"""The priority of what somebody looks at."""


class Attended(TypedDict):
    """What was done for a photo, by ids."""

    boosted: list[str]
    """Jobs that waited, and come first now."""
    submitted: list[str]
    """A job that was made, as there was none."""


class Attention:
    """Look at photos of the catalog that is beside a queue. Threads may share it."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs
        self._file = jobs.config.home / CATALOG_FILE

    def named(self, text: str) -> int | None:
        """See ``Catalog.named``."""
        with Catalog(self._file) as catalog:
            return catalog.named(text)

    def look_at_file(self, path: Path) -> Attended:
        """Look at the photo at a path; one that is new becomes one of its folder's session.

        Raises:
            NotInCatalog: it is none of a session's folder or of ``photo.roots``.
        """
        with Catalog(self._file) as catalog:
            photo_id = catalog.find_photo(path) or self._add(catalog, path)
        return self.look_at(photo_id)

    def look_at(self, photo_id: int) -> Attended:
        """Have the jobs of a photo that wait come first of all; ``process_photo`` where it never had one.

        Raises:
            NotInCatalog: there is no such photo.
        """
        with Catalog(self._file) as catalog:
            photo = catalog.photo_row(photo_id) if 0 < photo_id < 2**63 else None
            if photo is None:
                raise NotInCatalog(f"there is no photo {photo_id} in the catalog: process its folder first")
            ids = catalog.unfinished_jobs(photo_id=photo_id)
            is_new = photo.status == "imported" and not catalog.job_rows(photo_id=photo_id, limit=1)
            submitted = [self._submit(catalog, photo)] if is_new else []
        homes = self._jobs.broker.boost(ids + submitted)
        waiting = [
            job_id
            for job_id, home in zip(ids, homes, strict=False)
            if home not in {"", "running", *FINISHED_HOMES}
        ]
        return {"boosted": waiting, "submitted": submitted}

    def _submit(self, catalog: Catalog, photo: PhotoRow) -> str:
        """The catalog first: a row without a job is put right by the next sync. Twice, it is one job."""
        # Of another catalog, whose queue this may be too, a photo may have the same number; and another
        # number when this one has begun anew.
        digest = hashlib.sha256(os.fsencode(f"{self._file}|{photo.id}|{photo.path}")).hexdigest()[:32]
        job_id = f"attention:{digest}"
        task = process_photo.with_options(id=job_id, priority=FIRST)
        catalog.add_jobs([PlannedJob(job_id, task.name, photo.id, priority=FIRST)])
        self._jobs.submit(task, photo_id=photo.id, path=photo.path, catalog=self._file)
        return job_id

    def _add(self, catalog: Catalog, path: Path) -> int:
        real = path.resolve()
        sessions = [each for each in catalog.sessions() if real.is_relative_to(each.import_folder)]
        nearest = max(sessions, key=lambda each: len(each.import_folder.parts), default=None)
        roots = Roots(tuple(folder.resolve() for folder in self._jobs.config.photo_roots))
        is_photo = real.suffix.lower() in PHOTO_SUFFIXES and real.is_file()
        if not is_photo or not (nearest or roots.hold(real)):
            raise NotInCatalog(f"there is no photo {shown(path)} in the catalog: process its folder first")
        session_id = nearest.id if nearest else catalog.session(str(real.parent), real.parent)
        return catalog.photo_id(session_id, real)
