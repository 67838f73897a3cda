"""``process``: the main job, with a progress bar and the table of picks."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import FAILED, App, Command, Failure, pass_app
from junmai_jobs.commands.output import console, count, note, print_table, say
from junmai_jobs.tasks import register_photo_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.report import Pick, Report
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
@click.option("--dry-run", is_flag=True, help="Only count what there is to do.")
@click.option("--no-keep-awake", is_flag=True, help="Let the computer sleep when it likes.")
@pass_app
def process(
    app: App,
    /,
    folder: Path,
    *,
    sheet: Path | None,
    no_sheet: bool,
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
    if no_keep_awake:
        app.settings["keep_awake"] = False
    app.register_tasks()
    # Only this command needs these.
    from junmai_jobs.contact_sheet import checked_file  # noqa: PLC0415
    from junmai_jobs.plan import Wishes  # noqa: PLC0415
    from junmai_jobs.process import process as work  # noqa: PLC0415

    place = checked_file(sheet) if sheet else not no_sheet
    with interruptible(), progress(quiet=app.as_json or dry_run) as bar:
        report = work(
            app.jobs, folder, Wishes(**wished), dry_run=dry_run, sheet=place, progress=bar, tell=note
        )
    app.answer(report.as_dict() | {"dry_run": dry_run}, _show, report, folder)
    if report.failures and not dry_run:
        click.get_current_context().exit(FAILED)


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """A bar on stderr, with the time left; none where nobody sees it."""
    bars = console(stderr=True)
    if quiet or not bars.is_terminal:
        yield lambda _what, _done, _total: None
        return
    from rich.progress import (  # noqa: PLC0415 - slow to import, and only needed here
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=bars) as progress:
        shown: dict[str, Any] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = progress.add_task(what, total=total, completed=done)
            progress.update(shown[what], total=total, completed=done)

        yield watch


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


def _preset(pick: Pick) -> str:
    edited = pick.sidecar == "already_edited"
    return "already edited, left as it is" if edited else pick.preset or ""


def summary(report: Report) -> str:
    """What has become of the photos, in numbers."""
    parts = [f"{report.succeeded:,} succeeded", f"{report.failed:,} failed"]
    if report.forecast:
        if report.started or not report.forecast.jobs:
            parts.append(f"{report.started:,} to do, in about {report.forecast.expected_seconds:,.0f} s")
        else:
            parts.append(f"groups, presets and exports to do again in {count(report.forecast.jobs, 'job')}")
        parts.append(f"at most {report.forecast.disk_bytes / 2**20:,.0f} MB to be written")
    else:
        parts += [count(len(report.groups), "group"), count(len(report.picks), "pick")]
    return f"{count(report.photos, 'photo')}: {', '.join(parts)}"
