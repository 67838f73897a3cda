"""``undo``: sidecars and photos that a session has written become what they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import FAILED, App, Command, Failure, confirm, pass_app
from junmai_jobs.commands.output import print_table, say
from junmai_jobs.wording import count, visible

if TYPE_CHECKING:
    from junmai_jobs.catalog import Catalog, SessionRow


@click.command(cls=Command)
@click.argument("session")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def undo(app: App, session: str, *, yes: bool) -> None:
    """Take back what `process` has written in SESSION, its name, number or folder.

    Sidecars, and photos written into: what it has replaced is restored from its backup, what it has added is
    taken out. Where that would lose what was edited since, the edits are left as they are, the oldest backup
    is named, and exit is 1. What waits for Lightroom is cancelled; what that has done already is left to you.
    """
    from junmai_jobs.catalog import Catalog  # noqa: PLC0415 - --help does without it
    from junmai_jobs.photo.errors import PhotoError  # noqa: PLC0415
    from junmai_jobs.photo.xmp.writing import first_backup, undo_settings  # noqa: PLC0415
    from junmai_jobs.tasks.lightroom import take_back  # noqa: PLC0415
    from junmai_jobs.tasks.recording import CATALOG_FILE  # noqa: PLC0415

    with Catalog(app.config.home / CATALOG_FILE) as catalog:
        found = _session(catalog, session)
        rows = catalog.photos(found.id)
    paths = [row.path for row in rows]
    confirm(f"Take back what was written for {count(len(paths), 'photo')} in {found.import_folder}?", yes=yes)
    if app.config.bridge_lightroom:
        take_back(app.jobs, {row.id for row in rows})
    with Catalog(app.config.home / CATALOG_FILE) as catalog:
        catalog.turn(found.id, "undone")  # first: the next run must not take for applied what is taken back
    outcomes: dict[str, str] = {}
    failures: dict[str, str] = {}
    for path in paths:
        try:
            outcomes[str(path)] = undo_settings(path)
        except PhotoError as error:  # of this one; the others are restored all the same
            failures[str(path)] = str(error)
    restored = [path for path, outcome in outcomes.items() if outcome == "restored"]
    edited = [path for path, outcome in outcomes.items() if outcome == "edited_since"]
    first = {path: str(backup) for path in edited if (backup := first_backup(Path(path)))}
    answer = {
        "session_id": found.id,
        "restored": restored,
        "edited_since": edited,
        "first_backups": first,
        "failures": [{"path": path, "error": error} for path, error in failures.items()],
    }
    app.answer(answer, _show, restored, edited, first, failures)
    if edited or failures:
        click.get_current_context().exit(FAILED)


def session_named(catalog: Catalog, given: str) -> SessionRow | None:
    """The session of that name, folder or number; else the one whose folder alone has that name."""
    if not given:  # as a path it would be the current folder
        return None
    folder, sessions = Path(given).resolve(), catalog.sessions()
    exact = [row for row in sessions if given in {row.name, str(row.id)} or folder == row.import_folder]
    likely = [row for row in sessions if given == row.import_folder.name]
    return exact[0] if exact else likely[0] if len(likely) == 1 else None


def _session(catalog: Catalog, given: str) -> SessionRow:
    if found := session_named(catalog, given):
        return found
    known = ", ".join(f"{row.id} ({row.name})" for row in catalog.sessions()[:5]) or "none"
    raise Failure(f"{visible(given)} names no session, or several; there are {known}")


def _show(restored: list[str], edited: list[str], first: dict[str, str], failures: dict[str, str]) -> None:
    if failures:
        print_table(("FAILED", "WHY"), failures.items())
    if edited:
        rows = [(path, first.get(path, "")) for path in edited]
        print_table(("EDITED SINCE, NOT ALL TAKEN BACK", "AS IT WAS FIRST"), rows)
    say(f"{count(len(restored), 'photo')} restored")
