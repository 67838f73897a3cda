"""A task that shows when it was last alive."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from junmai_jobs import task
from tests.worker.tasks import note


@task
def beat(journal: str, release: str) -> str:
    """Tell the journal often that it runs, until the file ``release`` is there."""
    note(journal, "start")
    while not Path(release).exists():
        note(journal, "beat")
        Event().wait(0.02)
    note(journal, "end")
    return "released"
