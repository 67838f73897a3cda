"""``trace``: when which job ran where, as a file for Perfetto."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import App, Command, Failure, pass_app
from junmai_jobs.commands.output import note, say
from junmai_jobs.errors import JobNotFound
from junmai_jobs.wording import count, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.catalog import Catalog, SessionRow
    from junmai_jobs.job import Job

_PAGE = 200
_MOST = 1_000_000  # jobs of a session
Named = Mapping[str, str | None]
"""The jobs of a trace, by id, and the photo that each is about."""


@click.command(cls=Command)
@click.argument("what", nargs=-1, required=True, metavar="SESSION|ID...")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The trace's file."
)
@pass_app
def trace(app: App, what: tuple[str, ...], output: Path) -> None:
    """Write when the jobs of a session, or jobs by their ids, waited and ran, and where: a trace.

    SESSION is a session's name, number or folder. Open FILE at ui.perfetto.dev, or in chrome://tracing.
    """
    from junmai_jobs.timeline import checked_file  # noqa: PLC0415 - --help does without it

    file = checked_file(output)
    named: dict[str, str | None] = {}
    for each in what:
        named |= _named(app, each)
    written = write_trace(app, named, file)
    answer = {"file": str(file), "jobs": written, "not_kept": len(named) - written}
    app.answer(answer, say, f"trace of {count(written, 'job')}: {file}")


def trace_session(app: App, session_id: int, file: Path) -> None:
    """Write the trace of a session's jobs."""
    with _catalog(app) as catalog:
        session = catalog.session_row(session_id)
        named = _jobs_of(catalog, session) if session else {}
    write_trace(app, named, file)


def write_trace(app: App, named: Named, file: Path) -> int:
    """Write the trace of these jobs, as far as they are kept; how many those are.

    Raises:
        JobNotFound: none of them is.
        Failure: the file cannot be written.
    """
    from junmai_jobs.timeline import trace_of, write  # noqa: PLC0415 - --help does without it

    def about(job: Job) -> Mapping[str, object]:
        photo = named[job.id]
        return {} if photo is None else {"photo": photo}

    made = trace_of(_loaded(app, list(named)), about)
    written: int = made["otherData"]["jobs"]
    if not written:
        raise JobNotFound("none of these jobs is kept any more, so there is nothing to trace")
    if written < len(named):
        note(f"{count(len(named) - written, 'job')} of {len(named):,} not kept any more, and left out")
    try:
        write(file, made)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror or error}") from error
    return written


def _loaded(app: App, ids: list[str]) -> Iterator[Job]:
    for at in range(0, len(ids), _PAGE):
        yield from app.jobs.inspector.load(ids[at : at + _PAGE])


def _named(app: App, given: str) -> Named:
    """The jobs of the session of that name, number or folder; else the job of that id.

    Raises:
        JobNotFound: there is neither.
    """
    from junmai_jobs.commands.undo import session_named  # noqa: PLC0415 - --help does without it
    from junmai_jobs.tasks.recording import CATALOG_FILE  # noqa: PLC0415

    if (app.config.home / CATALOG_FILE).exists():
        with _catalog(app) as catalog:
            if session := session_named(catalog, given):
                return _jobs_of(catalog, session)
            row = catalog.job_row(given)
            photo = row and row.photo_id and catalog.photo_row(row.photo_id)
            if photo:
                return {given: str(photo.path)}
    try:
        app.jobs.inspector.status(given)
    except JobNotFound:
        raise JobNotFound(f"there is neither a session nor a job {visible(given)}") from None
    return {given: None}


def _catalog(app: App) -> Catalog:
    from junmai_jobs.catalog import Catalog  # noqa: PLC0415 - --help does without it
    from junmai_jobs.tasks.recording import CATALOG_FILE  # noqa: PLC0415

    return Catalog(app.config.home / CATALOG_FILE)


def _jobs_of(catalog: Catalog, session: SessionRow) -> Named:
    """Every job that a session had, and its photo as that lies in the session's folder."""
    names = {row.id: _name(row.path, session.import_folder) for row in catalog.photos(session.id)}
    never_were = catalog.answered_jobs(session.id)
    rows = catalog.job_rows(session_id=session.id, limit=_MOST)
    return {row.id: names.get(row.photo_id or 0) for row in rows if row.id not in never_were}


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
