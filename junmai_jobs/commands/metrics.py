"""``metrics``: the queue in figures for Prometheus, once or served."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from junmai_jobs.commands.app import App, Command, Failure, extra, pass_app
from junmai_jobs.commands.output import say
from junmai_jobs.commands.serve import stop_on_signals

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIRequestHandler
    from wsgiref.types import WSGIApplication

    from prometheus_client import CollectorRegistry

PORT = 9510
"""Of those that Prometheus keeps for exporters."""
_SLOWEST = 5.0
"""Seconds that a client may say or take nothing; it has a thread as long."""


@click.command(cls=Command)
@click.option("--serve", is_flag=True, help="Answer Prometheus until stopped.")
@click.option("--host", metavar="ADDRESS", help="With --serve, where to listen [127.0.0.1].")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help=f"With --serve [{PORT}]; 0: any free one.",
)
@pass_app
def metrics(app: App, *, serve: bool, host: str | None, port: int | None) -> None:
    """Print the queue in figures, as Prometheus reads them; what is counted begins at 0 with this process.

    The bridge tells the same at /metrics; --serve is for where there is none.
    """
    if not serve and not (host is None and port is None):
        raise click.UsageError("--host and --port are for --serve")
    registry = _registry(app)
    if serve:
        _serve(app, registry, host or "127.0.0.1", PORT if port is None else port)
    else:
        app.jobs.stats()  # who asks once is to hear that the server does not answer, and why
        app.answer({"metrics": _samples(registry)} if app.as_json else None, _print, registry)


def _registry(app: App) -> CollectorRegistry:
    """With the one collector in it."""
    with extra("metrics"):
        from prometheus_client import CollectorRegistry  # noqa: PLC0415

        from junmai_jobs.metrics import QueueCollector  # noqa: PLC0415

    app.register_tasks()
    registry = CollectorRegistry()
    registry.register(QueueCollector(app.jobs))
    return registry


def _samples(registry: CollectorRegistry) -> list[dict[str, Any]]:
    return [
        {
            "name": metric.name,
            "type": metric.type,
            "help": metric.documentation,
            "samples": [
                {"name": each.name, "labels": each.labels, "value": each.value} for each in metric.samples
            ],
        }
        for metric in registry.collect()
    ]


def _print(registry: CollectorRegistry) -> None:
    from prometheus_client import generate_latest  # noqa: PLC0415 - it needs the extra

    say(generate_latest(registry).decode().rstrip("\n"))


def _serve(app: App, registry: CollectorRegistry, host: str, port: int) -> None:
    from prometheus_client import start_http_server  # noqa: PLC0415 - it needs the extra

    over = threading.Event()
    stop_on_signals(over.set)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        why = error.strerror or error
        raise Failure(
            f"cannot listen at {host}, port {port}: {why}; give others with --host, --port"
        ) from error
    server.RequestHandlerClass = _handler()
    server.set_app(_guarded(server.get_app(), {host, *app.config.bridge_hosts}))
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    app.mention({"url": address}, say, f"Junmai Jobs tells Prometheus at {address} - stop it with Ctrl-C")
    while not over.wait(1.0):  # with no end to it no signal would be heeded on Windows
        pass
    server.shutdown()
    thread.join()
    server.server_close()


def _handler() -> type[WSGIRequestHandler]:
    """Of a connection: who is slow or goes away has it ended, and not a word is said of that."""
    from wsgiref.simple_server import WSGIRequestHandler  # noqa: PLC0415 - only needed here

    class Handler(WSGIRequestHandler):
        timeout = _SLOWEST

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _guarded(app: Any, hosts: Iterable[str]) -> WSGIApplication:
    """Refuse who asks under another name: a page of another site may have had it made to point here."""
    names = {"localhost", *(host.lower() for host in hosts)}

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        host = _host_in(environ.get("HTTP_HOST", ""))
        if host in names or _is_address(host):
            return app(environ, start_response)  # type: ignore[no-any-return]
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"this is not the host that is asked here: name it in bridge.hosts\n"]

    return guarded


def _host_in(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False
