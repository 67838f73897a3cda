"""``serve``: the bridge, for the host that has none."""

from __future__ import annotations

import ipaddress

import click

from junmai_jobs.commands.app import App, Command, Failure, pass_app
from junmai_jobs.commands.output import say
from junmai_jobs.errors import OptionError


@click.command(cls=Command)
@click.option("--host", metavar="ADDRESS", help="Where to listen [127.0.0.1, this computer alone].")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="PORT", help="[5100]; 0: any that is free.")
@pass_app
def serve(app: App, *, host: str | None, port: int | None) -> None:
    """Serve the bridge: the HTTP API, what the Lightroom plugin asks, and the dashboard."""
    try:
        from junmai_jobs.bridge import create_blueprint  # noqa: PLC0415 - it needs the extra
        from junmai_jobs.bridge.serving import BridgeServer, app_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Failure(f"{error.name} is missing: pip install 'junmai-jobs[bridge]'") from error
    config = app.config
    host, port = host or config.bridge_host, config.bridge_port if port is None else port
    if config.bridge_auth == "local" and not _is_local(host):
        raise OptionError(
            f"bridge.auth is local, which is for this computer alone, and {host} is more than that"
        )
    app.register_tasks()
    blueprint = create_blueprint(app.jobs, hosts=[host])
    server = BridgeServer(host, port, app_of(blueprint))
    say(f"Junmai Jobs serves at http://{host}:{server.port}/ - stop it with Ctrl-C")
    server.serve_forever()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
