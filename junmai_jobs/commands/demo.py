"""``demo``: the main job on pictures that are drawn for it; nothing of it is left."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from junmai_jobs.commands.app import FAILED, INTERRUPTED, App, Command, Failure, pass_app
from junmai_jobs.commands.output import note, say
from junmai_jobs.tasks import register_photo_tasks
from junmai_jobs.wording import count

_NEXT = """
It was `junmai-jobs process` that did this, with a server that started by itself. Now with your own:
  junmai-jobs process FOLDER --dry-run    what there is to do, and how long it takes
  junmai-jobs process FOLDER              scores, groups, picks and a contact sheet; no photo is written to
  junmai-jobs serve                       a dashboard in your browser"""


@click.command(cls=Command)
@click.option(
    "--photos",
    type=click.IntRange(5, 150),
    default=30,
    show_default=True,
    metavar="N",
    help="How many to draw.",
)
@click.option("--keep", is_flag=True, help="Keep the folder with photos, picks and contact sheet.")
@pass_app
def demo(app: App, *, photos: int, keep: bool) -> None:
    """Show the main job: draw a shoot, find its sharp frames, export them, and clear all of it away.

    Nothing of your own is used: neither photos nor settings nor server, unless --redis names one. Where there
    is no embedded server, as on Windows, it is the one that is configured; there, too, nothing is left.
    """
    if not register_photo_tasks():
        raise Failure("the photo libraries are not installed: pip install 'junmai-jobs[photo]'")
    # Only this command needs these, and they need the extra.
    from junmai_jobs.demo.shoot import draw_shoot  # noqa: PLC0415
    from junmai_jobs.demo.stage import DemoError, perform  # noqa: PLC0415

    url = app.redis or (app.server.url if sys.platform == "win32" else None)
    if not app.as_json:
        say(f"Drawing a shoot of {count(photos, 'photo')} ...")
    try:
        done = perform(partial(draw_shoot, photos=photos), url=url, keep=keep, quiet=app.as_json)
    except DemoError as error:
        for line in str(error).splitlines():
            note(f"Error: {line}")
        click.get_current_context().exit(FAILED)
    except OSError as error:
        raise Failure(f"there is no place for the demo: {error}; TMPDIR names another folder") from error
    except KeyboardInterrupt:
        note(f"The demo was stopped; {'its folder' if keep else 'nothing of it'} is left.")
        click.get_current_context().exit(INTERRUPTED)
    app.answer(done, _show, done)


def _show(done: dict[str, Any]) -> None:
    say(f"\n{summary(done)}")
    if done["folder"]:
        say(f"All of it is in {done['folder']}, the contact sheet in home/contact-sheets there.")
    else:
        say("All of it is gone again; --keep leaves photos, picks and contact sheet to be looked at.")
    say(_NEXT)


def summary(done: dict[str, Any]) -> str:
    """What ``demo.stage.perform`` has shown, in two lines."""
    bursts, frames = count(done["bursts"], "burst"), count(done["bursts"], "sharp frame")
    photos, seconds = done["photos"], done["seconds"]
    rate = f"{photos / seconds:.1f} a second, the start of server and workers included"
    return (
        f"{bursts}, {frames} picked and exported; no original was changed.\n"
        f"{count(photos, 'photo')} in {seconds:.1f} s, {rate}."
    )
