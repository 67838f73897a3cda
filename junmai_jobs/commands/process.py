"""``process``: the main job, with a progress bar and the table of picks."""

from __future__ import annotations

import contextlib
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import FAILED, App, Command, Failure, pass_app
from junmai_jobs.commands.output import console, note, print_table, say
from junmai_jobs.commands.plans import show_outlook
from junmai_jobs.room import in_mb
from junmai_jobs.tasks import register_photo_tasks
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.report import Pick, Report
    from junmai_jobs.session_outlook import SessionOutlook
    from junmai_jobs.session_wait import Progress

_MOST_SHOWN = 50


def named_folder(_context: click.Context, _parameter: click.Parameter, name: str | None) -> Path | None:
    """Refuse an empty name of a folder; None: it is not given."""
    if name is None:
        return None
    if not name:  # as an unset variable of the shell gives it
        raise click.BadParameter("an empty name is no folder; for the one you are in write .")
    return Path(name)


@click.command(cls=Command)
@click.argument("folder", callback=named_folder)
@click.option("--session", metavar="NAME", help="Its name in the catalog; else the folder's path.")
@click.option("--preset", metavar="NAME", help="For every pick, instead of the one for its context.")
@click.option("--replace-edits", is_flag=True, help="Also where a sidecar is edited; `undo` takes it back.")
@click.option("--write-into-files", is_flag=True, help="Also into a JPEG, TIFF or DNG; a backup is kept.")
@click.option("--export", callback=named_folder, metavar="DIR", help="Export the picks to DIR.")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="FILE", help="The contact sheet's file.")
@click.option("--no-sheet", is_flag=True, help="Make no contact sheet.")
@click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="Write a trace of its jobs.")
@click.option("--dry-run", is_flag=True, help="Only tell what there is to do, and what it takes.")
@click.option("--no-keep-awake", is_flag=True, help="Let the computer sleep when it likes.")
@pass_app
def process(
    app: App,
    /,
    folder: Path,
    *,
    sheet: Path | None,
    no_sheet: bool,
    trace: Path | None,
    dry_run: bool,
    no_keep_awake: bool,
    **wished: Any,
) -> None:
    """Judge every photo in FOLDER and the folders in it, group those that are alike, and show the picks.

    A pick is the best of its group, or a photo alone that is good enough. It gets a preset: beside a RAW file
    an XMP sidecar, which Lightroom reads. No photo is written to but with --write-into-files. A contact
    sheet, one HTML page, shows all of it.

    Run it again after whatever went wrong: it does only what is missing.
    """
    if not register_photo_tasks():
        raise Failure("the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    if trace and dry_run:
        raise click.UsageError("--dry-run runs no job, so there is nothing to trace: leave out --trace")
    if no_keep_awake:
        app.settings["keep_awake"] = False
    app.register_tasks()
    # Only this command needs these.
    from junmai_jobs import timeline  # noqa: PLC0415
    from junmai_jobs.commands.trace import trace_session  # noqa: PLC0415
    from junmai_jobs.contact_sheet import checked_file  # noqa: PLC0415
    from junmai_jobs.plan import Wishes  # noqa: PLC0415
    from junmai_jobs.process import process as work  # noqa: PLC0415

    place = checked_file(sheet) if sheet else not no_sheet
    traced = timeline.checked_file(trace) if trace else None
    with (
        _traceable(traced, wished["session"] or folder),
        interruptible(),
        progress(quiet=app.as_json or dry_run) as bar,
    ):
        report = work(
            app.jobs, folder, Wishes(**wished), dry_run=dry_run, sheet=place, progress=bar, tell=note
        )
    app.answer(report.as_dict() | {"dry_run": dry_run}, _show, report, folder)
    if traced and report.photos and not dry_run:
        try:
            trace_session(app, report.session_id, traced)
        except Failure as error:
            again = f"`junmai-jobs trace {report.session_id} --output FILE` writes it elsewhere"
            raise Failure(f"{error.format_message()}: {again}") from error
        if not app.as_json:
            say(f"trace: {traced}")
    if report.failures and not dry_run:
        click.get_current_context().exit(FAILED)


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """A bar on stderr, with the time left; none where nobody sees it."""
    bars = console(stderr=True)
    if quiet or not bars.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import (  # noqa: PLC0415 - slow to import, and only needed here
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )

    from junmai_jobs.commands.time_left import TimeLeftColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeLeftColumn())
    with Progress(*columns, console=bars) as progress:
        shown: dict[str, Any] = {}

        def watch(what: str, done: int, total: int, left: float | None = None) -> None:
            if what not in shown:
                shown[what] = progress.add_task(what, total=total, completed=done)
            progress.update(shown[what], total=total, completed=done, left=left)

        yield watch


@contextlib.contextmanager
def _traceable(file: Path | None, session: str | Path) -> Iterator[None]:
    """Where there is to be a trace, say how one is made of a session that was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if file is not None:
            words = shlex.join(["junmai-jobs", "trace", str(session), "--output", str(file)])
            note(f"No trace was written; of what has run until now: `{words}`")
        raise


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end this as Ctrl-C does: jobs are given back, and processes ended; and say so."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        note("Stopped. Nothing is lost: run the same command again to go on.")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(report: Report, folder: Path) -> None:
    if not report.photos and not report.failures:
        say(f"there are no photos in {folder}")
        return

    def name(path: str) -> Path:
        return Path(path).relative_to(folder.resolve())

    shown = report.picks[:_MOST_SHOWN] if console().is_terminal else report.picks
    if shown:
        print_table(
            ("SCORE", "PHOTO", "GROUP", "PRESET", "WHY"),
            [(f"{pick.score:.2f}", name(pick.path), pick.group, _preset(pick), pick.why) for pick in shown],
        )
    if len(shown) < len(report.picks):
        say(f"... and {len(report.picks) - len(shown):,} more; --json gives them all")
    if report.failures:
        print_table(("FAILED", "WHY"), [(name(each.path), each.error) for each in report.failures])
    if report.contact_sheet:
        say(f"contact sheet: {report.contact_sheet}")
    say(summary(report))
    if report.outlook:
        show_outlook(report.outlook)


def _preset(pick: Pick) -> str:
    edited = pick.sidecar == "already_edited"
    return "already edited, left as it is" if edited else pick.preset or ""


def summary(report: Report) -> str:
    """What has become of the photos, in numbers."""
    parts = [f"{report.succeeded:,} succeeded", f"{report.failed:,} failed"]
    if report.outlook:
        parts.append(_to_do(report, report.outlook))
        disk = sum(room.bytes for room in report.outlook.rooms)
        parts.append(f"at most about {in_mb(disk)} to be written")
    else:
        parts += [count(len(report.groups), "group"), count(len(report.picks), "pick")]
    return f"{count(report.photos, 'photo')}: {', '.join(parts)}"


def _to_do(report: Report, outlook: SessionOutlook) -> str:
    if not report.started and outlook.jobs:
        return f"groups, presets and exports to do again in {count(outlook.jobs, 'job')}"
    if outlook.seconds is None:
        return f"{report.started:,} to do, how long is unknown until some have run"
    return f"{report.started:,} to do, in about {outlook.seconds:,.0f} s"
