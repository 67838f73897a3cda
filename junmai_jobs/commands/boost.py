"""``boost``: what somebody waits for comes first of all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import FAILED, App, Command, Failure, pass_app
from junmai_jobs.commands.output import note, say
from junmai_jobs.commands.taste import whole_path
from junmai_jobs.errors import InvalidState, JobNotFound, OptionError
from junmai_jobs.tasks import register_photo_tasks
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from junmai_jobs.attention import Attended, Attention

_NONE = (
    "{} is no photo of the catalog and no job: process its folder first, or {}; "
    "`junmai-jobs list` has the jobs"
)


@click.command(cls=Command)
@click.argument("wanted", nargs=-1, required=True, metavar="WHAT...")
@pass_app
def boost(app: App, wanted: tuple[str, ...]) -> None:
    """Have the jobs of each WHAT come first of all, before every other that may run.

    WHAT is a photo, by its path or its number in the catalog, or a job, by its id. The first named is
    first. A photo that never had a job gets one.
    """
    boosted: list[str] = []
    submitted: list[str] = []
    failed = 0
    attention = _attention(app)
    # Whoever is looked at last is first: so the last named are looked at first.
    for what in reversed(wanted):
        try:
            done = _look_at(app, attention, what)
        except (InvalidState, JobNotFound, Failure) as error:
            if len(wanted) == 1:
                raise
            note(f"Error: {error}")
            failed += 1
        else:
            boosted[:0], submitted[:0] = done["boosted"], done["submitted"]
    app.answer({"boosted": boosted, "submitted": submitted}, say, _told(boosted, submitted))
    if failed:
        click.get_current_context().exit(FAILED)


def _told(boosted: list[str], submitted: list[str]) -> str:
    told = [f"{count(len(boosted), 'job')} first in line"] if boosted else []
    told += [f"{count(len(submitted), 'job')} submitted, first in line"] if submitted else []
    return ", ".join(told) or "nothing waits there: it runs already, or is done"


def _attention(app: App) -> Attention | None:
    """None: there are no photos here."""
    if not register_photo_tasks():
        return None
    from junmai_jobs.attention import Attention  # noqa: PLC0415 - --help does without it

    return Attention(app.jobs)


def _look_at(app: App, attention: Attention | None, what: str) -> Attended:
    """A photo of that path or number, else a job of that id, else a photo that is new."""
    if attention is not None and (found := attention.named(what)) is not None:
        return attention.look_at(found)
    try:
        return {"boosted": [what] if app.jobs.boost(what) else [], "submitted": []}
    except (JobNotFound, OptionError):
        try:
            if attention is not None:
                return attention.look_at_file(Path(what).absolute())
        except (ValueError, OSError):
            pass
        raise Failure(_NONE.format(what, whole_path())) from None
