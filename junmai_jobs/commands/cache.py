"""``cache``: what is kept of values that were made before."""

from __future__ import annotations

from typing import Any

import click

from junmai_jobs.commands.app import App, Group, confirm, pass_app
from junmai_jobs.commands.output import kept_in_words, print_table, say
from junmai_jobs.wording import count


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def cache(context: click.Context) -> None:
    """Show what is kept of values that were made before, so that the same need not be done again."""
    if context.invoked_subcommand is None:
        app = context.ensure_object(App)
        found = app.jobs.cache()
        app.answer(found, _print, found)


@cache.command()
@click.option("--task", metavar="TASK", help="Only what this task has made.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def clear(app: App, *, task: str | None, yes: bool) -> None:
    """Throw away what is kept: what is asked for again is made again."""
    confirm(f"Throw away what {task or 'every task'} has made and is kept?", yes=yes)
    cleared = app.jobs.clear_cache(task)
    app.answer({"cleared": cleared}, say, f"{count(cleared, 'value')} thrown away")


def _print(found: dict[str, Any]) -> None:
    if found["tasks"]:
        rows = [(task, row["entries"], row["bytes"]) for task, row in found["tasks"].items()]
        print_table(("TASK", "VALUES", "BYTES"), rows)
    say(kept_in_words(found))
