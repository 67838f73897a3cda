"""``schedule``: what is submitted again and again."""

from __future__ import annotations

from typing import Any

import click

from junmai_jobs.commands.app import App, Group, pass_app
from junmai_jobs.commands.output import as_text, moment, print_table, say
from junmai_jobs.commands.submit import argument, json_object
from junmai_jobs.schedule import CatchUp, Timetable
from junmai_jobs.submission import priority_of
from junmai_jobs.task import find_task


@click.group(cls=Group)
def schedule() -> None:
    """Have tasks submitted again and again; any worker that runs sees to it."""


@schedule.command("list")
@pass_app
def list_schedules(app: App) -> None:
    """Show the schedules there are, and when each is due next."""
    found = app.jobs.schedules()
    app.answer({"schedules": found}, _print, found)


@schedule.command()
@click.argument("name")
@click.argument("task")
@click.argument("args", nargs=-1, metavar="[ARG]...")
@click.option("--kwargs", metavar="JSON", help="Keyword arguments, as a JSON object.")
@click.option("--every", metavar="TIME", help="An interval, as in 90s, 1h30m, 2d; at its multiples in UTC.")
@click.option("--cron", metavar="LINE", help='Five fields, as in "0 3 * * *"; or six, the second first.')
@click.option("--tz", metavar="ZONE", help="The time zone of --cron, as in Europe/Berlin; else UTC.")
@click.option(
    "--catch-up",
    type=click.Choice([*CatchUp], case_sensitive=False),
    help="Of ticks that nobody was there to fire: skip them, fire the newest once (the default), or all.",
)
@click.option("--queue", metavar="Q", help="Another queue than the task's own.")
@click.option("--priority", metavar="P", help="0 to 10, larger runs first; or high (9), medium (5), low (1).")
@pass_app
def add(
    app: App,
    /,
    name: str,
    task: str,
    args: tuple[str, ...],
    kwargs: str | None,
    *,
    queue: str | None,
    priority: str | None,
    **when: str | None,
) -> None:
    """Have TASK submitted again and again under NAME; a schedule of that name is replaced.

    Each ARG is JSON, or else a plain text; put -- before arguments that begin with a dash.
    """
    app.register_tasks()
    given = {"queue": queue, "priority": None if priority is None else priority_of(priority)}
    options = {option: value for option, value in given.items() if value is not None}
    keywords: dict[str, Any] = json_object(kwargs, "--kwargs") if kwargs else {}
    chosen = find_task(task).with_options(**options)
    made = chosen.scheduled(name, Timetable.of(**when), tuple(map(argument, args)), keywords)
    app.jobs.add_schedule(made)
    row = next(row for row in app.jobs.schedules() if row["name"] == name)
    app.answer(row, say, f"{name} is due next at {moment(row['next_at'])}")


@schedule.command()
@click.argument("name")
@pass_app
def remove(app: App, name: str) -> None:
    """Remove a schedule; the jobs it has submitted stay. One that stands in code comes back with a worker."""
    app.jobs.unschedule(name)
    app.answer({"removed": name}, say, f"{name} removed")


@schedule.command()
@click.argument("name")
@pass_app
def pause(app: App, name: str) -> None:
    """Let a schedule's ticks pass by; it stays paused when workers start."""
    app.jobs.pause_schedule(name)
    app.answer({"paused": name}, say, f"{name} paused")


@schedule.command()
@click.argument("name")
@pass_app
def resume(app: App, name: str) -> None:
    """Go on with a schedule's next tick."""
    app.jobs.resume_schedule(name)
    app.answer({"resumed": name}, say, f"{name} resumed")


@schedule.command()
@click.argument("name")
@pass_app
def run(app: App, name: str) -> None:
    """Submit a schedule's job now, beside its ticks, and print the id of the job."""
    handle = app.jobs.run_schedule(name)
    app.answer({"id": handle.id, "status": handle.status, "existing": handle.existing}, say, handle.id)


def _print(found: list[dict[str, Any]]) -> None:
    if not found:
        say("there are no schedules: `junmai-jobs schedule add` makes one")
        return
    columns = ("NAME", "TASK", "QUEUE", "WHEN", "CATCH UP", "NEXT", "")
    rows = [
        (
            row["name"],
            row.get("task"),
            row.get("queue"),
            _when(row),
            row.get("catch_up"),
            "paused" if row.get("paused") else moment(row["next_at"]),
            row.get("error")
            or ("in code" if row["in_code"] else as_text(row["args"]) if row["args"] else ""),
        )
        for row in found
    ]
    print_table(columns, rows)


def _when(row: dict[str, Any]) -> str:
    if row.get("every"):
        return f"every {row['every']} s"
    return f"{row['cron']} {row['tz']}" if row.get("cron") else ""
