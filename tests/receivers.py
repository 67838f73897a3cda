"""Whoever is told of something over HTTP: a server on a free port that keeps what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

Answer = tuple[int, Mapping[str, str]]
TAKEN: Answer = (204, {})


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


@dataclass
class Receiver:
    """It gives ``answers`` in turn, then takes everything."""

    port: int
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)
    """Once set, it does not answer any more."""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/s3cret?to=me"

    def take(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.silent.is_set():
            self.over.wait(60)
        return next(islice(self.answers, len(self.requests) - 1, None), TAKEN)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            status, more = receiver.take(Request(self.path, headers, body))
            self.send_response(status)
            for name, value in {"Content-Length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            server.shutdown()
            thread.join()
