"""The host that has nothing but the bridge: Werkzeug's server, a thread for each connection.

Streams of events and WebSockets keep their connection, and its thread, for hours: a pool of threads would be
used up by a few of them. See ``docs/adr/0034-the-bridge.md`` for why this server.
"""

from __future__ import annotations

import io
import os
import re
import socketserver
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from junmai_jobs.bridge.gate import hardened, is_loopback
from junmai_jobs.bridge.problems import Refusal, answer_to
from junmai_jobs.errors import JunmaiJobsError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from email.message import Message

    from flask import Blueprint, Response

MOST_CONNECTIONS = 256
"""From this computer; and as many from all others, so that none of them can keep it out."""
ARRIVES_WITHIN = 75.0
"""Seconds for a request to arrive, from the beginning of its connection to the end of its body."""
_REST_WITHIN = 1.0
"""Seconds for the rest of a body that was refused: a client that still sends is not to lose the answer."""
_STUCK_FOR = 75.0
"""Seconds that a client may take no more of an answer."""
_MOST_REFUSED = 32
"""So many more connections at a time are told that there are too many; who comes beyond them is cut off."""


class CannotListen(JunmaiJobsError):  # noqa: N818 - named for what happened
    """The address is taken, or none of this computer's."""


class _Arriving(io.RawIOBase):
    """What comes from a connection, for a limited time: however slowly each byte follows the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._end = time.monotonic() + ARRIVES_WITHIN
        self._answered = False

    def answered(self) -> None:
        """From now on it is only thrown away: what does not come soon is taken for the end."""
        self._end = min(self._end, time.monotonic() + _REST_WITHIN)
        self._answered = True

    def _left(self) -> float:
        if (left := self._end - time.monotonic()) > 0:
            return left
        raise TimeoutError

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for more.

        Raises:
            TimeoutError: it has not come in time.
        """
        try:
            self._connection.settimeout(self._left())
            return self._connection.recv_into(buffer)
        except TimeoutError:
            if self._answered:
                return 0
            raise
        finally:
            self._connection.settimeout(_STUCK_FOR)


class _Handler(WSGIRequestHandler):
    """One connection, which ends with its request; nothing is logged, as addresses name photographs."""

    protocol_version = "HTTP/1.1"
    timeout = _STUCK_FOR
    wbufsize = -1  # head and body, or a piece of a stream, are sent at once
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Have the request arrive in time."""
        super().setup()
        self.rfile.close()
        self._arriving = _Arriving(self.connection)
        self.rfile = io.BufferedReader(self._arriving)

    def finish(self) -> None:
        """End the connection, also of a client that has gone before it had taken all."""
        with suppress(OSError):
            super().finish()

    def parse_request(self) -> bool:
        """Read the head; one that another program may read otherwise is refused."""
        if not super().parse_request():
            return False
        if self.request_version == "HTTP/1.1" and "Host" not in self.headers:
            self.send_error(400, "this request names no Host")
            return False
        if doubt := _doubt_about(self.headers):
            self.send_error(400, doubt)
        return not doubt

    def handle_expect_100(self) -> bool:
        """Tell a client that waits for it to send the body; that is no answer yet."""
        del self.headers["Expect"]  # or it is told twice
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()
        return True

    def end_headers(self) -> None:
        """Begin the answer."""
        super().end_headers()
        self._arriving.answered()

    def run_wsgi(self) -> None:
        """Answer; an address that is none does not reach the app."""
        try:
            super().run_wsgi()
        except ValueError:
            self.send_error(400, "the address of this request is none")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request."""
        told = message or explain or "this is no request"
        self.wfile.write(_in_full(answer_to(Refusal(int(code), told, "bad_request"))))
        self.close_connection = True

    def version_string(self) -> str:
        """What answers; not which version of it."""
        return "junmai-jobs"

    def log(self, *_: Any) -> None:
        """Say nothing."""


def _doubt_about(headers: Message) -> str | None:
    """Why it is not certain what belongs to the head, or to the body; None: it is.

    Headers behind a line that is none would be overlooked, Origin among them. So would a body: and who sends
    none asks for all there is.
    """
    lengths, codings = headers.get_all("Content-Length", []), headers.get_all("Transfer-Encoding", [])
    if headers.get_payload():
        return "a line in the head of this request is no header"
    if len(lengths) + len(codings) > 1:
        return "this request tells the length of its body more than once"
    if not all(re.fullmatch("[0-9]{1,18}", length.strip(" \t")) for length in lengths):
        return "the Content-Length of this request is no number"
    if not all(coding.strip(" \t").lower() == "chunked" for coding in codings):
        return "the Transfer-Encoding of this request is not chunked"
    return None


class BridgeServer(ThreadedWSGIServer):
    """Serves an app; no more connections at a time than threads can be spared for.

    Raises:
        CannotListen: somebody else does, or it is not ours to.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere two would share a port

    def __init__(self, host: str, port: int, app: Flask) -> None:
        self._near, self._far = (threading.Semaphore(MOST_CONNECTIONS) for _ in range(2))
        self._refusing = threading.Semaphore(_MOST_REFUSED)
        super().__init__(host, port, app, _Handler)

    def server_bind(self) -> None:
        """Take the address; its name, for which HTTPServer would ask the network, is of no use here."""
        try:
            socketserver.TCPServer.server_bind(self)
        except OSError as error:
            why = error.strerror or error
            place = f"{self.host}, port {self.port}"
            raise CannotListen(f"cannot listen at {place}: {why}; give others with --host, --port") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for a connection, if there is one to spare."""
        free = self._near if is_loopback(client_address[0]) else self._far
        for room, answer in ((free, self.process_request_thread), (self._refusing, self._refuse)):
            if room.acquire(blocking=False):
                self._begin(room, answer, request, client_address)
                return
        self.shutdown_request(request)

    def _begin(self, room: threading.Semaphore, answer: Callable[..., None], *connection: Any) -> None:
        """Have a connection answered by a thread of its own, which has ``room`` until then."""

        def run() -> None:
            try:
                answer(*connection)
            finally:
                room.release()

        try:
            threading.Thread(target=run, daemon=True).start()
        except RuntimeError:  # the system spares no more threads
            room.release()
            self.shutdown_request(connection[0])

    def _refuse(self, request: Any, _: Any) -> None:
        """Tell that there are too many. The request is read: with it unread the answer would be lost."""
        try:
            with suppress(OSError):
                request.settimeout(1.0)
                request.recv(65_536)
                request.sendall(_in_full(answer_to(Refusal(503, "too many connections", retry_after=1))))
        finally:
            self.shutdown_request(request)


def _in_full(answer: Response) -> bytes:
    """An answer as it is sent where no app gives it."""
    head = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers)]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1") + answer.get_data()


def app_of(blueprint: Blueprint) -> Flask:
    """An app with the bridge alone; what it does not have is told as the bridge tells all else."""
    app = Flask("junmai_jobs.bridge", static_folder=None)
    app.url_map.merge_slashes = False  # that sends clients elsewhere, by a Host that nobody has looked at
    app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, answer_to)
    app.after_request(hardened)
    return app
