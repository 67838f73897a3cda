"""Which photographs jobs work on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, TypeGuard

from junmai_jobs.bridge.site import Site
from junmai_jobs.catalog import Catalog
from junmai_jobs.job import Job
from junmai_jobs.priorities import arguments_of
from junmai_jobs.schema import CatalogError, printable


class Subject(TypedDict):
    """A job, and the photograph that it works on, if any."""

    id: str
    task: str
    queue: str
    photo_id: int | None
    file: str | None
    """The name of the photograph's file, without folders."""
    thumbnail: str | None
    """The path under which the bridge has its picture; that may answer 404."""


def subjects_of(site: Site, jobs: Sequence[Job]) -> dict[str, Subject]:
    """By the jobs' ids; without a catalog that can be read, files are those that the jobs name themselves."""
    with contextlib.suppress(CatalogError), site.catalog() as catalog:
        return {job.id: _subject(job, catalog) for job in jobs}
    return {job.id: _subject(job, None) for job in jobs}


def is_id(number: object) -> TypeGuard[int]:
    """Whether it can be the catalog's number of something."""
    return type(number) is int and 0 < number < 2**63


def _subject(job: Job, catalog: Catalog | None) -> Subject:
    given = arguments_of(job)
    photo_id, path = given.get("photo_id"), given.get("path")
    if catalog and is_id(photo_id) and path is None and (row := catalog.photo_row(photo_id)):
        path = row.path
    return {
        "id": job.id,
        "task": job.task,
        "queue": job.queue,
        "photo_id": photo_id if is_id(photo_id) else None,
        "file": None if path is None else printable(Path(str(path)).name),
        "thumbnail": f"/photos/{photo_id}/thumbnail" if is_id(photo_id) else None,
    }
