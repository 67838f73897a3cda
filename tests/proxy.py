"""A TCP proxy that can lose a reply: the server did what it was asked, and the caller never hears of it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Self


class Proxy:
    """Forwards everything between clients and the server at ``upstream``, from ``with`` on."""

    def __init__(self, upstream: int) -> None:
        self.lost = 0
        """How many replies were lost so far."""
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._countdown: int | None = None
        self._ends: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]

    def lose_reply(self, after: int = 0) -> None:
        """Swallow the next reply but ``after`` and close that connection, once."""
        self._countdown = after

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                self._ends += [client, server]
                self._threads.append(threading.Thread(target=self._forward, args=(client, server)))
                self._threads[-1].start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data or (source is server and self._is_to_be_lost()):
                        client.shutdown(socket.SHUT_RDWR)
                        server.shutdown(socket.SHUT_RDWR)
                        return
                    (client if source is server else server).sendall(data)

    def _is_to_be_lost(self) -> bool:
        if self._countdown is None:
            return False
        if self._countdown:
            self._countdown -= 1
            return False
        self._countdown = None
        self.lost += 1
        return True
