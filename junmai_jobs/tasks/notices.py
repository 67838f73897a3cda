"""What the last job of a session tells of it, see ``notify``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from junmai_jobs.context import current_job
from junmai_jobs.errors import InvalidState
from junmai_jobs.job import Status
from junmai_jobs.notify import Notice, Outlets, notify

if TYPE_CHECKING:
    from junmai_jobs.catalog import Catalog, PhotoRow

_TOLD = "told"
_MOST_JOBS = 100_000


def notices_of(
    records: Catalog, rows: Sequence[PhotoRow], found: Mapping[str, Any], outlets: Outlets
) -> Iterator[Notice]:
    """What there is to tell of a session that is finished.

    Args:
        records: the catalog.
        rows: the session's photos.
        found: what ``finish_session`` returns.
        outlets: who may be told.
    """
    told = "{name}: {picks:,} of {photos:,} photos picked, {failed:,} failed".format_map(found)
    yield Notice("session_finished", told, found)
    about = {name: found[name] for name in ("session_id", "name", "folder")}
    picks = {row.id for row in rows if row.is_pick}
    if outlets.hearing("exports_finished") and (exported := picks & _exported(records, found["session_id"])):
        told = f"{found['name']}: {len(exported):,} of {len(picks):,} picks exported"
        yield Notice("exports_finished", told, about | {"picks": len(picks), "exported": len(exported)})
    waiting = picks - {each.photo_id for each in records.verdicts()}
    if outlets.hearing("approval_required") and waiting:
        told = f"{found['name']}: {len(waiting):,} of {len(picks):,} picks wait for your verdict"
        yield Notice("approval_required", told, about | {"picks": len(picks), "waiting": len(waiting)})


def _exported(records: Catalog, session_id: int) -> set[int | None]:
    rows = records.job_rows(Status.SUCCEEDED, session_id, limit=_MOST_JOBS)
    return {row.photo_id for row in rows if row.task == "export_photo"}


def tell_once(notices: Iterable[Notice], outlets: Outlets) -> None:
    """Tell; within a job only in the first of its runs that comes so far."""
    try:
        job = current_job()
    except InvalidState:
        for notice in notices:
            notify(notice, outlets)
        return
    if job.saved == _TOLD:
        return
    for notice in notices:
        notify(replace(notice, key=job.id), outlets, job.submit)
    job.checkpoint(_TOLD)
