"""Commands on queues: ``stats``, ``pause``, ``resume`` and ``purge``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import App, Command, confirm, pass_app
from junmai_jobs.commands.output import clean, console, count, kept_in_words, say, table
from junmai_jobs.job import WAITING, Status
from junmai_jobs.resources import Grade, in_words

if TYPE_CHECKING:
    from rich.console import RenderableType

_REFRESH = 1.0


@click.command(cls=Command)
@click.option("--watch", is_flag=True, help="Show them again every second, until Ctrl-C.")
@pass_app
def stats(app: App, *, watch: bool) -> None:
    """Count the jobs of each queue and status."""
    if watch and app.as_json:
        raise click.UsageError("--watch is for a person; with --json ask for the counts again and again")
    if watch:
        _watch(app)
    else:
        counts = app.jobs.stats()
        app.answer(counts, lambda: console().print(_view(counts)))


def _watch(app: App) -> None:
    from rich.live import Live  # noqa: PLC0415 - slow to import, and only needed here

    view = _view(app.jobs.stats())
    try:
        with Live(view, console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(_REFRESH)
                live.update(_view(app.jobs.stats()), refresh=True)
    except KeyboardInterrupt:
        return


def _view(counts: dict[str, Any]) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - slow to import, and --json does without
    from rich.text import Text  # noqa: PLC0415

    homes = ("queued", "running", "scheduled", "retrying", "blocked")
    rows = [
        (name, *(queue[home] for home in homes), queue["oldest_wait_s"], "paused" if queue["paused"] else "")
        for name, queue in counts["queues"].items()
    ]
    ended = ", ".join(
        f"{counts['jobs_by_status'][status]:,} {status}" for status in Status if status.finished
    )
    summary = [
        f"\nnamespace {counts['namespace']}: {counts['workers']} workers, {ended}, at {counts['timestamp']}",
        *(
            f"{clean(name)}: {clean(in_words(allowed))}"
            for name, allowed in counts["governor"].items()
            if allowed and allowed["grade"] != Grade.FULL.word
        ),
        *([f"cache: {kept_in_words(counts['cache'])}"] if counts["cache"]["entries"] else []),
    ]
    columns = ("QUEUE", *map(str.upper, homes), "OLDEST WAIT (s)", "")
    return Group(table(columns, rows), Text("\n".join(summary)))


@click.command(cls=Command)
@click.argument("queues", nargs=-1, metavar="[QUEUE]...")
@pass_app
def pause(app: App, queues: tuple[str, ...]) -> None:
    """Start no job of these queues until resumed; none named: of no queue, also of those to come."""
    _tell_paused(app, app.jobs.pause(*queues))


@click.command(cls=Command)
@click.argument("queues", nargs=-1, metavar="[QUEUE]...")
@pass_app
def resume(app: App, queues: tuple[str, ...]) -> None:
    """Let jobs of these queues start again; none named: of all queues."""
    _tell_paused(app, app.jobs.resume(*queues))


def _tell_paused(app: App, paused: list[str]) -> None:
    app.answer({"paused": paused}, say, f"paused: {', '.join(paused) or 'nothing'}")


@click.command(cls=Command)
@click.argument("queue", required=False)
@click.option("--status", type=click.Choice(WAITING, case_sensitive=False), help="Only those of this status.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def purge(app: App, queue: str | None, *, status: str | None, yes: bool) -> None:
    """Cancel the jobs that wait in QUEUE, or in all queues; what runs goes on."""
    what = "everything that waits" if status is None else f"every {status} job"
    confirm(f"Cancel {what} in {'all queues' if queue is None else f'the queue {queue}'}?", yes=yes)
    purged = app.jobs.purge(queue, status=status)
    app.answer({"purged": purged}, say, f"{count(purged, 'job')} purged")
