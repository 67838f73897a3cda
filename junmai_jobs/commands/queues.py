"""Commands on queues: ``stats``, ``pause``, ``resume`` and ``purge``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import App, Command, confirm, pass_app
from junmai_jobs.commands.output import console, kept_in_words, say, table
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.job import WAITING, Status
from junmai_jobs.wording import clean, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

_REFRESH = 1.0
_UNBOUND = 1000


@click.command(cls=Command)
@click.option("--watch", is_flag=True, help="Show them again every second, until Ctrl-C.")
@click.option("--since", metavar="TIME", help="What has ended since: 30m, 24h, 7d, or 2026-11-24T03:00:00Z.")
@pass_app
def stats(app: App, *, watch: bool, since: str | None) -> None:
    """Count the jobs of each queue and status; or with --since what has ended, by the minute or hour."""
    if watch and app.as_json:
        raise click.UsageError("--watch is for a person; with --json ask for the counts again and again")
    if watch and since is not None:
        raise click.UsageError("--watch shows what is, and --since what was: give one of them")
    if since is not None:
        from junmai_jobs.commands.since import ended_since, show_since  # noqa: PLC0415 - only needed here

        found = ended_since(app.jobs, since)
        app.answer(found, show_since, found)
    elif watch:
        _watch(app)
    else:
        counts = app.jobs.stats()
        app.answer(counts, _show, counts)


def _show(counts: dict[str, Any]) -> None:
    screen = console()
    screen.print(_view(counts, screen))


def _watch(app: App) -> None:
    """Until Ctrl-C, or until its terminal or reader is gone."""
    from rich.live import Live  # noqa: PLC0415 - slow to import, and only needed here

    screen = console()
    views = _views(app, screen)
    try:
        if not screen.is_terminal or screen.is_dumb_terminal:
            for view in views:
                screen.print(view, "")
            return
        with Live(next(views), console=screen, auto_refresh=False) as live:
            for view in views:
                live.update(view, refresh=True)
    except KeyboardInterrupt:
        return


def _views(app: App, screen: Console) -> Iterator[RenderableType]:
    """One a second while there is what it is shown on; a server that goes away later is waited for."""
    counts, away, was_terminal = app.jobs.stats(), "", screen.file.isatty()
    while screen.file.isatty() == was_terminal:
        yield _view(counts, screen, away)
        time.sleep(_REFRESH)
        try:
            counts, away = app.jobs.stats(), ""
        except StoreUnavailable as error:
            away = f"trying again: {error}"


def _view(counts: dict[str, Any], screen: Console, away: str = "") -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - slow to import, and --json does without
    from rich.text import Text  # noqa: PLC0415

    from junmai_jobs.commands.queue_table import NARROW, WIDE, held_back, queue_row  # noqa: PLC0415

    tables = [
        table(titles, [queue_row(*queue, narrow=narrow) for queue in counts["queues"].items()])
        for narrow, titles in ((False, WIDE), (True, NARROW))
    ]
    freely = screen.options.update(width=_UNBOUND)
    fitting = (each for each in tables if screen.measure(each, options=freely).maximum <= screen.width)
    ended = ", ".join(
        f"{counts['jobs_by_status'][status]:,} {status}" for status in Status if status.finished
    )
    workers = count(counts["workers"], "worker")
    summary = [
        f"\nnamespace {counts['namespace']}: {workers}, {ended}, at {counts['timestamp']}",
        *held_back(counts),
        *([f"cache: {kept_in_words(counts['cache'])}"] if counts["cache"]["entries"] else []),
        *([clean(away)] if away else []),
    ]
    return Group(next(fitting, tables[-1]), Text("\n".join(summary)))


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
