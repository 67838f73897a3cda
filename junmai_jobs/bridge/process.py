"""Have a folder of photographs worked on, as ``junmai-jobs process`` does; who asks waits for nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypedDict

from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import Accepted, Endpoints
from junmai_jobs.bridge.paths import NOT_ALLOWED, roots_of
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.site import Site
from junmai_jobs.schema import printable
from junmai_jobs.tasks import photo_task_modules

PROCESS = Endpoints()
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Folder(Struct, forbid_unknown_fields=True):
    """A folder below ``photo.roots``, its whole path; the name of its session; a preset for every pick."""

    folder: Annotated[str, Meta(min_length=1, max_length=4096)]
    session: Name | None = None
    preset: Name | None = None


class Begun(TypedDict):
    """What was found and submitted."""

    session: str
    session_id: int
    photo_count: int
    left_out: int
    """Photos that are reached through links out of ``photo.roots``."""
    submitted: int
    """Jobs that are new, or tried again; 0: all is done, or waits already."""
    job_id: str | None
    """The last job of the session, which ends when all others have; None: there are no photos."""


@PROCESS.post("/queue/process", 507)
def process_folder(site: Site, body: Folder) -> Accepted[Begun]:
    """Have every photo in a folder and the folders in it judged and grouped, and its picks given presets.

    The same again submits only what is missing, and tries again what failed for a reason that may pass.
    """
    if not photo_task_modules():
        raise Refusal(503, "the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    from junmai_jobs.photo.pictures.files import find_photos  # noqa: PLC0415 - these need the extra
    from junmai_jobs.plan import Wishes, resolved  # noqa: PLC0415
    from junmai_jobs.process import begin  # noqa: PLC0415

    roots = roots_of(site.jobs.config)
    if not Path(body.folder).is_absolute():
        raise Refusal(
            400, f"{body.folder} is not a whole path: give it from the root or drive on", NOT_ALLOWED
        )
    folder = resolved(roots.resolved(Path(body.folder)))
    found = find_photos(folder)
    photos = [photo for photo in found if roots.hold(Path(os.path.realpath(photo.path)))]
    wishes = Wishes(session=body.session, preset=body.preset)
    session_id, submitted, last = begin(site.jobs, folder, photos, wishes)
    return Accepted({
        "session": body.session or printable(str(folder)),
        "session_id": session_id,
        "photo_count": len(photos),
        "left_out": len(found) - len(photos),
        "submitted": submitted,
        "job_id": last,
    })  # fmt: skip
