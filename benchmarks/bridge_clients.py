"""Who asks the bridge: streams that are followed, and requests at a fixed rate, whatever becomes of them."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from benchmarks.record import path_of

_EVENT = re.compile(rb"id: (\S+)\nevent: (\w+)\ndata: ")
_ASKERS = 48
_AGAIN = 0.2
"""Seconds after which a client whose stream has ended comes back."""


class Answer(NamedTuple):
    """One request; ``status`` is 0 where there was no answer."""

    name: str
    status: int
    took: float
    """Seconds since it was due."""
    told_when: bool
    """Whether it was told when to come back."""


class _Stream:
    """One client of the stream of events."""

    def __init__(self, start: str) -> None:
        self.seen: list[str] = []
        self.start = start
        self.socket: socket.socket | None = None
        self.is_open = False
        self.back_at = 0.0
        self._rest = b""

    def come(self, port: int) -> None:
        cursor = self.seen[-1] if self.seen else self.start
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(
            b"GET /queue/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            b"Last-Event-ID: %b\r\n\r\n" % cursor.encode()
        )
        self.socket.settimeout(0)
        self._rest = b""

    def read(self) -> bool:
        """Whether it goes on."""
        assert self.socket
        try:
            data = self.socket.recv(1 << 16)
        except OSError:
            return False
        if not self.is_open and data:
            self.is_open = data.startswith(b"HTTP/1.1 200 ")
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        self.seen += [found[1].decode() for found in _EVENT.finditer(whole)]
        return bool(data) and self.is_open

    def go(self) -> None:
        if self.socket:
            self.socket.close()
        self.socket, self.is_open = None, False
        self.back_at = time.monotonic() + _AGAIN


class Streams:
    """Clients that follow what happens to jobs, in one thread; one whose stream ends comes back."""

    def __init__(self, port: int, count: int, start: str) -> None:
        self._port = port
        self._clients = [_Stream(start) for _ in range(count)]
        self._thread = threading.Thread(target=self._follow)
        self._ended = threading.Event()
        self.comebacks = -count

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def open(self) -> int:
        """How many are answered."""
        return sum(client.is_open for client in self._clients)

    @property
    def seen(self) -> list[list[str]]:
        """Of each client the cursors of the events it was told."""
        return [client.seen for client in self._clients]

    def _follow(self) -> None:
        with selectors.DefaultSelector() as selector:
            while not self._ended.is_set():
                for client in self._clients:
                    if client.socket is None and time.monotonic() >= client.back_at:
                        self._come(client, selector)
                for key, _ in selector.select(0.1):
                    if not key.data.read():
                        selector.unregister(key.fileobj)
                        key.data.go()
            for client in self._clients:
                client.go()

    def _come(self, client: _Stream, selector: selectors.BaseSelector) -> None:
        try:
            client.come(self._port)
        except OSError:
            client.go()
            return
        assert client.socket
        selector.register(client.socket, selectors.EVENT_READ, client)
        self.comebacks += 1


class Asker:
    """Requests of five kinds by turns; each is due at its time, whatever has become of those before it."""

    def __init__(self, port: int, token: str, rate: int) -> None:
        self.answers: list[Answer] = []
        self.accepted: list[str] = []
        """Jobs."""
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._rate = rate

    @contextlib.contextmanager
    def asking(self, seconds: float) -> Iterator[None]:
        """Ask meanwhile; those that are due by the end are answered when the block is left."""
        numbers = iter(range(round(self._rate * seconds)))
        taking = threading.Lock()
        begin = time.monotonic()

        def work() -> None:
            while True:
                with taking:
                    number = next(numbers, None)
                if number is None:
                    return
                due = begin + number / self._rate
                time.sleep(max(0.0, due - time.monotonic()))
                self._ask(number, due)

        threads = [threading.Thread(target=work) for _ in range(_ASKERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()

    def _ask(self, number: int, due: float) -> None:
        name, method, path, body = self._request(number)
        try:
            status, when, document = self._exchange(method, path, body)
        except (OSError, http.client.HTTPException):
            status, when, document = 0, None, {}
        if name == "submit" and status in {200, 201}:
            self.accepted.append(document["id"])
        self.answers.append(Answer(name, status, time.monotonic() - due, when is not None))

    def _request(self, number: int) -> tuple[str, str, str, Any]:
        match number % 5:
            case 0:
                call = {"task": "noop", "args": [number, path_of(number)]}
                return "submit", "POST", "/queue/jobs", call
            case 1:
                return "stats", "GET", "/queue/stats", None
            case 2:
                return "jobs", "GET", "/queue/jobs?limit=20", None
            case 3:
                return "overview", "GET", "/queue/overview", None
            case _ if self.accepted:
                return "status", "GET", f"/queue/status/{self.accepted[-1]}", None
            case _:
                return "stats", "GET", "/queue/stats", None

    def _exchange(self, method: str, path: str, body: Any) -> tuple[int, str | None, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), self._headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After"), json.loads(answer.read())
