"""``notify test``: a notice for everybody who is to be told, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import FAILED, App, Group, pass_app
from junmai_jobs.commands.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs.notify.trial import Said


@click.group(cls=Group)
def notify() -> None:
    """Notices that a session is finished or that jobs have failed."""


@notify.command("test")
@pass_app
def try_notices(app: App) -> None:
    """Give a notice now to all whom config.json names, and tell what became of it; exit 1 if one failed."""
    from junmai_jobs.notify.trial import tried  # noqa: PLC0415 - --help does without it

    found = list(tried(app.config))
    app.answer({"receivers": [each._asdict() for each in found]}, _print, found)
    if not all(each.ok for each in found):
        click.get_current_context().exit(FAILED)


def _print(found: Sequence[Said]) -> None:
    if not found:
        say("nobody is told but the log: set notify.desktop, notify.command or notify.webhook in config.json")
    for each in found:
        say(f"{each.name}: {each.said}")
