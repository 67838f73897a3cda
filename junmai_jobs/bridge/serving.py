"""The host that has nothing but the bridge: Werkzeug's server, a thread for each connection.

Streams of events and WebSockets keep their connection, and its thread, for hours: a pool of threads would be
used up by a few of them. See ``docs/adr/0034-the-bridge.md`` for why this server.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from junmai_jobs.bridge.problems import answer_to

if TYPE_CHECKING:
    from flask import Blueprint

_MOST_CONNECTIONS = 256
_SILENT_FOR = 75.0
"""Seconds that a connection may say nothing between two requests, or in the middle of one."""


class _Handler(WSGIRequestHandler):
    """One connection; its requests are not logged, as their addresses name photographs."""

    protocol_version = "HTTP/1.1"
    timeout = _SILENT_FOR

    def log_request(self, *_: Any) -> None:
        """Say nothing."""


class BridgeServer(ThreadedWSGIServer):
    """Serves an app; no more connections at a time than threads can be spared for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, app: Flask) -> None:
        self._free = threading.Semaphore(_MOST_CONNECTIONS)
        super().__init__(host, port, app, _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Whether there is a thread to spare for one more connection."""
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


def app_of(blueprint: Blueprint) -> Flask:
    """An app with the bridge alone; what it does not have is told as the bridge tells all else."""
    app = Flask("junmai_jobs.bridge", static_folder=None)
    app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, answer_to)
    return app
