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

    from junmai_jobs.process import Report, Watch

_MOST_SHOWN = 50


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--session", metavar="NAME", help="Its name in the catalog; else the folder's path.")
@click.option("--dry-run", is_flag=True, help="Only count what there is to do.")
@pass_app
def process(app: App, folder: Path, *, session: str | None, dry_run: bool) -> None:
    """Read and score every photo in FOLDER and the folders in it, and show the picks, the best first.

    Run it again after whatever went wrong: it does only what is missing.
    """
    if not register_photo_tasks():
        raise Failure("the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    app.register_tasks()
    from junmai_jobs.process import process as work  # noqa: PLC0415 - only this command needs it

    try:
        with _progress(quiet=app.as_json or dry_run) as progress, _interruptible():
            report = work(app.jobs, folder, session=session, dry_run=dry_run, watch=progress, tell=note)
    except KeyboardInterrupt:
        note("Stopped. Nothing is lost: run the same command again to go on.")
        raise
    app.answer(report.as_dict() | {"dry_run": dry_run}, _show, report, folder, dry_run=dry_run)
    if report.failures and not dry_run:
        click.get_current_context().exit(FAILED)


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Watch]:
    """A bar on stderr, with the time left; none where nobody sees it."""
    bars = console(stderr=True)
    if quiet or not bars.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import (  # noqa: PLC0415 - slow to import, and only needed here
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("Photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=bars) as progress:
        shown: list[Any] = []

        def watch(done: int, total: int) -> None:
            if not shown:
                shown.append(progress.add_task("", total=total, completed=done))
            progress.update(shown[0], completed=done)

        yield watch


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end this as Ctrl-C does: jobs are given back, and processes ended."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(report: Report, folder: Path, *, dry_run: bool) -> None:
    if not report.photos:
        say(f"there are no photos in {folder}")
        return

    def name(path: str) -> Path:
        return Path(path).relative_to(folder.resolve())

    shown = report.picks[:_MOST_SHOWN] if console().is_terminal else report.picks
    if shown:
        print_table(
            ("SCORE", "PHOTO", "WHY"), [(f"{pick.score:.2f}", name(pick.path), pick.why) for pick in shown]
        )
    if len(shown) < len(report.picks):
        say(f"... and {len(report.picks) - len(shown):,} more; --json gives them all")
    if report.failures:
        print_table(("FAILED", "WHY"), [(name(each.path), each.error) for each in report.failures])
    told = f"{len(report.picks):,} succeeded, {len(report.failures):,} failed"
    say(f"{count(report.photos, 'photo')}: {told}" + (f", {report.started:,} to do" if dry_run else ""))
