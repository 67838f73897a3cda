"""``serve``: the bridge, for the host that has none."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import App, Command, Failure, extra, pass_app
from junmai_jobs.commands.log_options import begin_log, log_options
from junmai_jobs.commands.output import note, say
from junmai_jobs.errors import OptionError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.bridge.serving import BridgeServer

_ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""What asks a process to end: Ctrl-C, two of POSIX, one of Windows."""


@click.command(cls=Command)
@click.option("--host", metavar="ADDRESS", help="Where to listen [127.0.0.1]; 0.0.0.0: for phones, too.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="PORT", help="[5100]; 0: any that is free.")
@click.option("--code", is_flag=True, help="Only print one more code for a browser, and serve nothing.")
@log_options
@pass_app
def serve(app: App, *, host: str | None, port: int | None, code: bool, log_file: str | None) -> None:
    """Serve the bridge: the HTTP API, what the Lightroom plugin asks, and the dashboard.

    A browser that wants to change something asks for a code, which is printed here; each is good once.
    """
    if host is not None:
        app.settings["bridge_host"] = host
    if code:
        _answer_code(app)
        return
    server = _listen(app, app.config.bridge_port if port is None else port)
    try:
        app.jobs.broker  # noqa: B018 - its server is found fit, and started if it is the embedded one
    except StoreUnavailable as error:
        note(f"Warning: {error}; until then the bridge answers that it is away")
    begin_log(app, app.config.loglevel, log_file)
    stop_on_signals(server.shutdown)
    told = {"urls": _addresses(app.config.bridge_host, server.port), **_secrets(app)}
    app.mention(told, _show, told)
    server.serve_forever(poll_interval=0.2)


def _listen(app: App, port: int) -> BridgeServer:
    """The server, which has its port and waits to be told to serve."""
    with extra("bridge"):
        from junmai_jobs.bridge import create_blueprint  # noqa: PLC0415
        from junmai_jobs.bridge.serving import BridgeServer, app_of  # noqa: PLC0415

    host = app.config.bridge_host
    if app.config.bridge_auth == "local" and not _is_local(host):
        raise OptionError(
            f"bridge.auth is local, which is for this computer alone, and {host} is more than that"
        )
    app.register_tasks()
    return BridgeServer(host, port, app_of(create_blueprint(app.jobs, hosts=[host])))


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _addresses(host: str, port: int) -> list[str]:
    """Under which the bridge is found: by this computer and, if it listens everywhere, by others."""
    from junmai_jobs.bridge.gate import ANY_ADDRESS  # noqa: PLC0415 - it needs the extra

    hosts = [host]
    if host in ANY_ADDRESS:
        import psutil  # noqa: PLC0415 - only needed here

        found = [each for addresses in psutil.net_if_addrs().values() for each in addresses]
        others = [each.address for each in found if each.family == socket.AF_INET]
        hosts = ["127.0.0.1", *(each for each in others if not _is_local(each))]
    return [f"http://{f'[{each}]' if ':' in each else each}:{port}/" for each in hosts]


def _secrets(app: App) -> dict[str, Any]:
    """How to get the right to change something."""
    with extra("bridge"):
        from junmai_jobs.bridge.codes import new_code  # noqa: PLC0415
        from junmai_jobs.bridge.token import VARIABLE, token_for  # noqa: PLC0415

    if app.config.bridge_auth == "local":
        return {"code": None, "token": None}
    of_environment = os.environ.get(VARIABLE, "").strip()
    place = VARIABLE if of_environment else str(app.config.token_file)
    return {"code": new_code(token_for(app.config)), "token": place}


def _show(told: dict[str, Any]) -> None:
    say(f"Junmai Jobs serves at {' and '.join(told['urls'])} - stop it with Ctrl-C")
    if told["code"]:
        say(f"Code for a browser, once within 10 minutes: {told['code']} - another: junmai-jobs serve --code")
        say(f"Token for programs: in {told['token']}")


def _answer_code(app: App) -> None:
    code = _secrets(app)["code"]
    if code is None:
        raise Failure("bridge.auth is local: the bridge asks for no code")
    app.answer({"code": code}, say, f"{code} - once, within 10 minutes, for a bridge that is running")


def stop_on_signals(end: Callable[[], object]) -> None:
    """Have ``end`` called, in a thread of its own, when the process is asked to end.

    A signal that was ignored before, as under nohup, stays ignored.
    """

    def stop(*_: object) -> None:
        threading.Thread(target=end, daemon=True).start()  # it waits for the loop to end

    for each in [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, stop)
