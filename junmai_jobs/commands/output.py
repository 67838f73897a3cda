"""What the command line prints: JSON for programs, tables for people, nothing that steers a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from junmai_jobs.codec import as_json
from junmai_jobs.wording import clean, clean_lines, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table


def as_text(value: object) -> str:
    """A stored value for people: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(as_json(value), ensure_ascii=False)


def say(text: object) -> None:
    """Print text of any source to stdout; only its line ends stay as they are."""
    click.echo(clean_lines(text))


def note(text: object) -> None:
    """Tell a person something on stderr, in one line."""
    click.echo(clean(text), err=True)


def as_typed_here(text: str) -> str:
    """A text whose proposals of our commands have the shared options with which this one was called."""
    from junmai_jobs.commands.app import App  # noqa: PLC0415 - which needs this module

    context = click.get_current_context(silent=True)
    app = context.find_object(App) if context else None
    return text.replace("`junmai-jobs ", " ".join(("`junmai-jobs", *(app.given if app else ()), "")))


def note_next(job_id: str) -> None:
    """Tell what can be done about a job that has failed."""
    again = f"`junmai-jobs retry {job_id}` has it run again"
    note(as_typed_here(f"{again}; `junmai-jobs replay {job_id}` runs it here, to look at."))


def kept_in_words(counts: Mapping[str, int]) -> str:
    """What is kept of values that were made before, and how often that was of use."""
    used, made = (count(counts[name], "time") for name in ("hits", "misses"))
    return f"{count(counts['entries'], 'value')} kept: used {used}, made {made}; {counts['bytes']:,} bytes"


def moment(iso: str | None) -> str:
    """A time of a job, to the second."""
    return "" if iso is None else f"{iso[:19].replace('T', ' ')}Z"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table for ``show``; numbers stand right, None is blank."""
    from rich.table import Table  # noqa: PLC0415 - slow to import, and --json does without
    from rich.text import Text  # noqa: PLC0415

    cells = [["" if cell is None else cell for cell in row] for row in rows]
    made = Table(box=None, header_style="", pad_edge=False, padding=(0, 2, 0, 0))
    for position, column in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[position], int | float) for row in cells)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        made.add_row(*(Text(clean(cell)) for cell in row))
    return made


def console(*, stderr: bool = False) -> Console:
    """A console that cuts nothing off where there is no terminal to be filled."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and --json does without

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = 100_000
    return made


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to stdout."""
    console().print(table(columns, rows))
