"""``serve`` as a process, and what is said to a bridge over a socket byte by byte."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import subprocess

    from tests.command_line import CommandLine, Done


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the other side has ended the connection."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer


def exchange(port: int, request: bytes) -> bytes:
    """All that is answered to some bytes until the connection is ended."""
    with connect(port) as connection:
        connection.sendall(request)
        return rest_of(connection)


@dataclass
class Answer:
    """What was answered over a socket."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def ask(port: int, method: str, path: str, *, body: Any = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), given)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


class Serve:
    """``junmai-jobs serve --json`` as a process, at any port that is free."""

    def __init__(self, cli: CommandLine, *options: str) -> None:
        self._cli = cli
        self.process: subprocess.Popen[str] = cli.start("serve", "--json", "--port", "0", *options)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.finish()
        self.told = json.loads(line)
        self.port = int(urlsplit(self.told["urls"][0]).port or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.finish()

    def finish(self) -> Done:
        return self._cli.finish(self.process)
