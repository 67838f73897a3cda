"""A bridge that listens on a port of this machine, and clients that speak with it over sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

from simple_websocket import Client

from junmai_jobs.bridge.serving import BridgeServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flask import Flask


@contextlib.contextmanager
def served(app: Flask) -> Iterator[int]:
    """The port at which it is served meanwhile."""
    server = BridgeServer("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def followed(port: int, path: str = "/queue/events", **headers: str) -> Iterator[http.client.HTTPResponse]:
    """A stream of events."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            yield answer


class Talker:
    """A client of the WebSocket."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._client = Client.connect(f"ws://127.0.0.1:{port}/ws", headers=dict(headers))

    def hear(self) -> dict[str, Any]:
        """What it is told next."""
        text = self._client.receive(timeout=10)
        assert text is not None, "nothing is told"
        message: dict[str, Any] = json.loads(text)
        return message

    def hear_until(self, *kinds: str) -> list[dict[str, Any]]:
        """All that it is told until messages of these kinds have come in this order."""
        heard: list[dict[str, Any]] = []
        for kind in kinds:
            heard.append(self.hear())
            while heard[-1]["type"] != kind:
                heard.append(self.hear())
        return heard

    def say(self, message: object) -> None:
        self._client.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def answer_to(self, message: object) -> dict[str, Any]:
        self.say(message)
        return self.hear()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._client.close()

    @property
    def reason(self) -> int:
        """Why the bridge has closed it, as a number of RFC 6455."""
        return int(self._client.close_reason)


@contextlib.contextmanager
def talking(port: int, **headers: str) -> Iterator[Talker]:
    """A client that has been greeted."""
    talker = Talker(port, headers)
    try:
        # What comes together with the handshake this client looks at when more comes.
        talker.say({"type": "ping"})
        assert [talker.hear()["type"], talker.hear()["type"]] == ["connection_established", "pong"]
        yield talker
    finally:
        talker.close()
