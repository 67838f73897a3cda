"""Tell what is on somebody's screen: it comes first of all. A client may send it at each key press."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypedDict

from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import Endpoints
from junmai_jobs.bridge.original import Id
from junmai_jobs.bridge.paths import roots_of
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.site import Site
from junmai_jobs.tasks import photo_task_modules

ATTENTION = Endpoints()


class LookedAt(Struct, forbid_unknown_fields=True):
    """One of them: a photo by its number in the catalog or its whole path below ``photo.roots``, or a job."""

    photo_id: Id | None = None
    path: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    job_id: Annotated[str, Meta(min_length=1)] | None = None


class Attended(TypedDict):
    """By ids the jobs that wait and come first now, and the one that was made, as there was none."""

    boosted: list[str]
    submitted: list[str]


@ATTENTION.post("/queue/attention", 404, 409)
def look_at(site: Site, body: LookedAt) -> Attended:
    """Have what somebody looks at come first of all; the same again changes nothing."""
    if sum(each is not None for each in (body.photo_id, body.path, body.job_id)) != 1:
        raise Refusal(400, "give one of photo_id, path and job_id", "bad_value")
    if body.job_id is not None:
        return {"boosted": [body.job_id] if site.jobs.boost(body.job_id) else [], "submitted": []}
    if not photo_task_modules():
        raise Refusal(503, "the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    from junmai_jobs.attention import Attention  # noqa: PLC0415 - it needs the extra

    attention = Attention(site.jobs)
    if body.photo_id is not None:
        return attention.look_at(body.photo_id)
    return attention.look_at_file(roots_of(site.jobs.config).resolved(Path(str(body.path))))
