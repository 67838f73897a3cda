"""A TCP proxy with the faults of a line: slow, silent, cut, in crumbs, or without a reply that was sent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from enum import Enum, auto
from typing import Self

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: who closes such a socket sends RST and drops what is under way."""
CRUMBS = 500


class Mode(Enum):
    """What becomes of the bytes."""

    PASS = auto()
    LATENCY = auto()
    """Each piece comes ``Proxy.latency`` seconds late, in either direction."""
    BLACK_HOLE = auto()
    """Nothing arrives and nothing is refused. It comes late, when the mode changes, as TCP would have it."""
    RESET = auto()
    """Every connection there is or comes is reset."""
    BYTE_BY_BYTE = auto()
    """Of each piece the first ``CRUMBS``, then the rest: a script's whole text would take a second."""


class Proxy:
    """Forwards everything between clients and the server at ``upstream``, from ``with`` on.

    It runs in a thread of its own; what is public here is for any other thread.
    """

    def __init__(self, upstream: int, *, latency: float = 0.05) -> None:
        self.lost = 0
        """How many replies were lost so far."""
        self.latency = latency
        self._upstream = upstream
        self._mode = Mode.PASS
        self._countdown: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._open = asyncio.Event()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        """It holds from here on, for connections there are, too."""
        asyncio.run_coroutine_threadsafe(self._change(mode), self._loop).result()

    def lose_reply(self, after: int = 0) -> None:
        """Swallow the next reply but ``after`` and close that connection, once."""
        self._countdown = after

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connect, sock=self._listener)
        await self._change(Mode.PASS)

    async def _stop(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _change(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.BLACK_HOLE:
            self._open.clear()
        else:
            self._open.set()
        if mode is Mode.RESET:
            for client in self._connections.values():
                _reset(client)

    async def _connect(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections[task] = client
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._serve(reader, client)
        finally:
            del self._connections[task]
            client.close()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._mode is Mode.RESET:
            _reset(client)
            return
        replies, server = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forward(reader, server))
                ways.create_task(self._forward(replies, client, losing=True))
        except* OSError:
            pass
        finally:
            server.close()

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, losing: bool = False
    ) -> None:
        """One way of a connection. Its end is that of the other way, too: both sinks are closed."""
        while data := await source.read(65536):
            await self._open.wait()
            if self._mode is Mode.LATENCY:
                await asyncio.sleep(self.latency)
            if losing and self._is_to_be_lost():
                break
            crumbs = CRUMBS if self._mode is Mode.BYTE_BY_BYTE else 0
            for piece in filter(None, [*(bytes([byte]) for byte in data[:crumbs]), data[crumbs:]]):
                sink.write(piece)
                await sink.drain()
                await asyncio.sleep(0)
        raise ConnectionResetError

    def _is_to_be_lost(self) -> bool:
        if self._countdown is None:
            return False
        if self._countdown:
            self._countdown -= 1
            return False
        self._countdown = None
        self.lost += 1
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
