"""``approve``, ``reject``, ``taste``: what the photographer likes, and what was learned from it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import App, Command, Failure, Group, confirm, pass_app
from junmai_jobs.commands.output import print_table, say
from junmai_jobs.tasks import register_photo_tasks
from junmai_jobs.wording import count, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs.catalog import Catalog
    from junmai_jobs.photo.taste.traits import Reason
    from junmai_jobs.verdicts import VerdictRow

_photos = click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")


@click.command(cls=Command)
@_photos
@pass_app
def approve(app: App, photos: tuple[str, ...]) -> None:
    """Tell that each PHOTO, a path or a number of the catalog, is one to keep.

    It is a pick from the next run of `process` on, and so the more likely are photos like it.
    """
    with _catalog(app) as catalog:
        ids = [_photo_id(catalog, each) for each in photos]
        catalog.approve(ids)
    app.answer({"approved": ids}, say, f"{count(len(ids), 'photo')} approved")


@click.command(cls=Command)
@_photos
@click.option("--reason", metavar="TEXT", help="Why; it is kept with the verdict.")
@pass_app
def reject(app: App, photos: tuple[str, ...], *, reason: str | None) -> None:
    """Tell that each PHOTO, a path or a number of the catalog, is none to keep.

    It is no pick from the next run of `process` on, and so the less likely are photos like it.
    """
    with _catalog(app) as catalog:
        ids = [_photo_id(catalog, each) for each in photos]
        catalog.reject(ids, reason)
    app.answer({"rejected": ids}, say, f"{count(len(ids), 'photo')} rejected")


@click.group(cls=Group)
def taste() -> None:
    """What was learned from `approve` and `reject`: up to 1.5 points more or less for other photos."""


@taste.command()
@pass_app
def show(app: App) -> None:
    """Show what was learned so far, and the points that it makes."""
    if not register_photo_tasks():
        raise Failure("the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    with _catalog(app) as catalog:
        verdicts, habits = catalog.verdicts(), catalog.taste().habits()
    approved = sum(each.verdict == "approved" for each in verdicts)
    document = {
        "approved": approved,
        "rejected": len(verdicts) - approved,
        "habits": [asdict(each) for each in habits],
    }
    app.answer(document, _show, approved, len(verdicts) - approved, habits)


@taste.command()
@click.argument("photos", nargs=-1, metavar="[PHOTO]...")
@pass_app
def undo(app: App, photos: tuple[str, ...]) -> None:
    """Take back the last `approve` or `reject`; of each PHOTO, the last verdict on it."""
    with _catalog(app) as catalog:
        ids = [_photo_id(catalog, each) for each in photos]
        withdrawn = catalog.withdraw(ids or None)
    if not withdrawn:
        raise Failure("there is no verdict to be taken back")
    _answer_withdrawn(app, withdrawn)


@taste.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def forget(app: App, *, yes: bool) -> None:
    """Take back every verdict: all scores are what they were without any."""
    with _catalog(app) as catalog:
        confirm(f"Take back {count(len(catalog.verdicts()), 'verdict')}?", yes=yes)
        _answer_withdrawn(app, catalog.withdraw_all())


def _catalog(app: App) -> Catalog:
    from junmai_jobs.catalog import Catalog  # noqa: PLC0415 - --help does without it
    from junmai_jobs.tasks.recording import CATALOG_FILE  # noqa: PLC0415

    return Catalog(app.config.home / CATALOG_FILE)


def _photo_id(catalog: Catalog, given: str) -> int:
    if (found := catalog.named(given)) is None:
        raise Failure(
            f"there is no photo {visible(given)} in the catalog: process its folder first, or {whole_path()}"
        )
    return found


def whole_path() -> str:
    """What to do where a photo of the catalog was not found by its path, and where it was looked for."""
    return f"give its whole path (in {Path.cwd()} it is not, nor in the folder of exactly one session)"


def _show(approved: int, rejected: int, habits: Sequence[Reason]) -> None:
    if habits:
        print_table(("POINTS", "WHY"), [(f"{each.points:+.2f}", each) for each in habits])
    say(f"{approved:,} approved, {rejected:,} rejected{'' if habits else '; nothing was learned yet'}")


def _answer_withdrawn(app: App, withdrawn: Sequence[VerdictRow]) -> None:
    document = [asdict(each) | {"path": str(each.path)} for each in withdrawn]
    app.answer({"withdrawn": document}, say, f"{count(len(withdrawn), 'verdict')} taken back")
