"""Commands on what everything stands on: ``server`` (the embedded one) and ``config``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import FAILED, App, Failure, Group, pass_app
from junmai_jobs.commands.output import as_text, say
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.server import Server


@click.group(cls=Group)
def server() -> None:
    """Start, stop and look at the embedded server, which starts where it is needed; clean up any server."""


@server.command()
@pass_app
def start(app: App) -> None:
    """Start the embedded server, unless it runs."""
    ours = _embedded(app)
    ours.start()
    _tell(app, ours.status())


@server.command()
@pass_app
def stop(app: App) -> None:
    """Stop the embedded server; its jobs stay, and the next who needs it starts it again."""
    stopped = _embedded(app).stop()
    app.answer({"stopped": stopped}, say, "stopped" if stopped else "it was not running")


@server.command()
@pass_app
def status(app: App) -> None:
    """Tell which server is used and how it is; exit 1 where the embedded one does not run."""
    found = app.server.status()
    if not found["running"] and app.server.url is not None:
        raise StoreUnavailable(found["error"])
    _tell(app, found)
    if not found["running"]:
        click.get_current_context().exit(FAILED)


@server.command("clean")
@pass_app
def clean_up(app: App) -> None:
    """Delete the functions that other versions of this package have left in the server.

    It does no harm: a worker of another version loads its own again with its next call.
    """
    deleted = app.jobs.clean_server()
    told = "\n".join(deleted) or "nothing of another version is there"
    app.answer({"deleted": deleted}, say, told)


def _embedded(app: App) -> Server:
    if app.server.url is not None:
        raise Failure(
            f"the server {app.server.describe()} is not ours to start and stop; unset its address first"
        )
    return app.server


def _tell(app: App, found: dict[str, Any]) -> None:
    app.answer(found, _print_values, found.items())


@click.group(cls=Group)
def config() -> None:
    """The configuration."""


@config.command("show")
@pass_app
def show_config(app: App) -> None:
    """Show every setting as it counts now: of config.json, the environment and the options."""
    described = app.config.describe()
    app.answer(described, _print_values, _flat(described))


def _flat(section: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield place + key, value


def _print_values(values: Any) -> None:
    for name, value in values:
        say(f"{name:<36} {clean(as_text(value))}")
