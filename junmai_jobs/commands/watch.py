"""``watch``: the main job again and again, for a folder that photos keep coming into."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import App, Command, Failure, pass_app
from junmai_jobs.commands.output import note, say
from junmai_jobs.commands.process import interruptible, named_folder, progress, summary
from junmai_jobs.errors import DiskFull, StoreUnavailable
from junmai_jobs.job import iso
from junmai_jobs.tasks import register_photo_tasks
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from junmai_jobs.folder_watch import Batch
    from junmai_jobs.report import Report

_LEAST, _MOST = 0.05, 86_400.0  # s
_ASK_AGAIN = 5.0  # s; a server that is away


def _seconds(_context: click.Context, _option: click.Parameter, seconds: float | None) -> float | None:
    """NaN, which passes any range of click's, is none."""
    if seconds is not None and not _LEAST <= seconds <= _MOST:
        raise click.BadParameter(f"{seconds:g} is not a number of seconds from {_LEAST:g} to {_MOST:g}")
    return seconds


@click.command(cls=Command)
@click.argument("folder", callback=named_folder)
@click.option("--session", metavar="NAME", help="Its name in the catalog; else the folder's path.")
@click.option("--preset", metavar="NAME", help="For every pick, instead of the one for its context.")
@click.option("--export", callback=named_folder, metavar="DIR", help="Export the picks to DIR.")
@click.option(
    "--settle",
    type=float,
    callback=_seconds,
    default=2.0,
    metavar="S",
    help="How long a complete file is still [2].",
)
@click.option(
    "--poll", type=float, callback=_seconds, metavar="S", help="Look every S seconds: for a network drive."
)
@pass_app
def watch(
    app: App,
    folder: Path,
    *,
    session: str | None,
    preset: str | None,
    export: Path | None,
    settle: float,
    poll: float | None,
) -> None:
    """Do `process` for FOLDER now, and again whenever photos have come into it, until it is stopped.

    A photo is worked on when its file is complete. With --json each time gives one line, a JSON document.
    """
    if not register_photo_tasks():
        raise Failure("the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    app.register_tasks()
    # Only this command needs these.
    from junmai_jobs.folder_watch import Watcher  # noqa: PLC0415
    from junmai_jobs.photo.pictures.files import find_photos  # noqa: PLC0415
    from junmai_jobs.plan import Wishes, resolved  # noqa: PLC0415
    from junmai_jobs.process import process as work  # noqa: PLC0415

    wishes = Wishes(session=session, preset=preset, export=export)
    folder = resolved(folder)
    # What is not there now was misspelt; what goes away later is waited for.
    find_photos(folder)
    app.jobs.inspector.queues()
    watcher = Watcher(folder, note, settle=settle, poll=poll)

    def once(batch: Batch) -> Report:
        wanted = replace(wishes, group=batch.is_all)
        with progress(quiet=app.as_json) as bar:
            return work(
                app.jobs, folder, wanted, photos=batch.photos, sheet=batch.is_all, progress=bar, tell=note
            )

    with interruptible(), closing(watcher.batches()) as batches:
        _work_on(app, batches, once)


def _work_on(app: App, batches: Iterable[Batch], once: Callable[[Batch], Report]) -> None:
    """Work on what is given, and tell what has become of it."""
    before: Report | None = None
    started = 0
    for batch in batches:
        report = _patiently(once, batch)
        started += report.started
        if batch.is_all:
            report, started = replace(report, started=started), 0
            document = report.as_dict() | {"event": "processed", "at": iso(time.time())}
            app.mention(document, _show, report, before)
            before = report
        else:
            note(f"{count(started, 'new photo')} so far, and more are coming.")


def _patiently(once: Callable[[Batch], Report], batch: Batch) -> Report:
    """Work on the photos; a server that is away, or a full disk, is waited for."""
    while True:
        try:
            return once(batch)
        except (DiskFull, StoreUnavailable) as error:
            note(f"{error}; trying again every {_ASK_AGAIN:.0f} s.")
        time.sleep(_ASK_AGAIN)


def _show(report: Report, before: Report | None) -> None:
    known = before.failures if before else ()
    for failure in report.failures:
        if failure not in known:
            say(f"failed: {failure.path}: {failure.error}")
    if report.contact_sheet and before is None:
        say(f"contact sheet: {report.contact_sheet}")
    say(f"{time.strftime('%H:%M:%S')}  {count(report.started, 'new photo')}. {summary(report)}")
