"""How a verb reaches the server: two ways to call it, and one way to wait.

Every verb may arrive twice, so a call that got no answer is sent again with the same arguments, by us and
never by redis-py, until the caller's patience is at an end. Where the server says that another is now in its
place, the next attempt goes there (``route.py``).
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import hiredis
import redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, RedisError

from junmai_jobs.route import route_of
from junmai_jobs.scripts import Verb
from junmai_jobs.server_errors import LOST, explain, is_passing

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class Endpoint(Protocol):
    """What a connection needs to know of its server."""

    def client(self, **options: Any) -> redis.Redis:
        """A client that never resends by itself; it does not connect yet."""

    def ensure(self) -> None:
        """See that the server runs, if it is ours to start."""

    def describe(self) -> str:
        """The address, fit to be shown."""

    def processes(self) -> tuple[int, ...]:
        """The ids of those that the server consists of, if it is ours and on this host."""


class Link(Protocol):
    """A way to call verbs on a server."""

    def run(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        """Call a verb on the namespace with this prefix, and give its reply.

        Raises:
            StoreUnavailable: the server could not be reached, or refuses to work; CallRefused: to do this.
            QueueFull: the server is out of memory.
        """


class _Lines(ABC):
    """Connections that are used without redis-py's wrapper, which takes longer than a verb."""

    def __init__(self, endpoint: Endpoint, patience: float) -> None:
        self._endpoint = endpoint
        self._patience = patience

    def run(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        """Call a verb, see ``Link``."""
        try:
            return self._exchange("FCALL", verb.function, 1, prefix, *arguments)
        except (RedisError, OSError) as error:
            self._heed(error)
        return self.insist(lambda: call_verb(self._exchange, verb, prefix, arguments))

    def insist(self, attempt: Callable[[], T]) -> T:
        """Make a call that may be made twice, again and again while the server is away, within patience."""
        return insist(self._endpoint, attempt, time.monotonic() + self._patience, self._heed)

    @abstractmethod
    def _exchange(self, *command: Any) -> Any:
        """Send a command, and receive its reply."""

    @abstractmethod
    def _heed(self, error: Exception) -> None:
        """Follow the server to where an error says that it is now."""

    def _new(self, client: Any) -> Any:
        pool = client.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        connection.register_connect_callback(self._let_the_kernel_wait)
        return connection

    def _let_the_kernel_wait(self, connection: Any) -> None:
        """Have the kernel keep the timeout: Python would poll before it sends, and before it receives."""
        sock = connection._sock  # noqa: SLF001 - redis-py has no public name for it
        seconds = sock.gettimeout()
        if os.name == "posix" and seconds and not isinstance(sock, ssl.SSLSocket):
            limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                sock.setsockopt(socket.SOL_SOCKET, option, limit)
            sock.settimeout(None)

    @staticmethod
    def _send(connection: Any, *commands: tuple[Any, ...]) -> None:
        # Packed by hiredis itself: redis-py would look at each of the many arguments first.
        packed = b"".join(map(hiredis.pack_command, commands))
        connection.send_packed_command([packed], check_health=False)

    @staticmethod
    def _receive(connection: Any) -> Any:
        try:
            reply = connection._parser.read_response()  # noqa: SLF001 - what it is wrapped in takes as long
        except BaseException:
            connection.disconnect()  # else what is still to come would be taken for another reply
            raise
        if isinstance(reply, redis.ResponseError):
            raise reply
        return reply


class ClientLink(_Lines):
    """Beside an ordinary redis-py client: for everybody but a worker's children. Threads may share it."""

    def __init__(self, endpoint: Endpoint, *, patience: float = 2.0, **options: Any) -> None:
        super().__init__(endpoint, patience)
        # redis-py types its commands for two protocols and two colours at once; Any is more honest.
        self.client: Any = endpoint.client(**options)
        self._idle: list[Any] = []
        """Connections that no thread uses now; to the client's own pool each call would cost two visits."""

    def _heed(self, error: Exception) -> None:
        """Follow the server elsewhere; what other threads have in use will be told so itself.

        Where a connection was lost the idle ones go, too: if all are dead each would cost an attempt.
        """
        route = route_of(self.client)
        if (route and route.lead_on(error)) or isinstance(error, LOST):
            self.close()

    def begin(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Callable[[], Any]:
        """Send a call without waiting.

        Call what this returns once: it gives the reply, and sends the call again if that was lost. For the
        errors see ``Link``.
        """
        try:
            connection = self._sent("FCALL", verb.function, 1, prefix, *arguments)
        except (RedisError, OSError):
            return lambda: self.run(verb, prefix, arguments)

        def reply() -> Any:
            try:
                return self._received(connection)
            except (RedisError, OSError):
                return self.run(verb, prefix, arguments)

        return reply

    @property
    def address(self) -> str:
        """The server's, fit to be shown."""
        return self._endpoint.describe()

    def exchange(self, commands: Sequence[tuple[Any, ...]], *, raising: bool = True) -> list[Any]:
        """Send commands at once on one connection, and give their replies in the shapes of redis-py's.

        Args:
            commands: each with its arguments.
            raising: False: an error that the server answers is among the replies.

        Raises:
            RedisError, OSError: what went wrong first; ``insist`` knows what is to be thought of it.
        """
        connection = self._idle_or_new()
        self._send(connection, *commands)
        replies = []
        shapes = self.client.response_callbacks
        for command in commands:
            try:
                reply = self._receive(connection)
                replies.append(shapes[command[0]](reply) if command[0] in shapes else reply)
            except redis.ResponseError as error:
                if raising:
                    connection.disconnect()  # the other replies are still to come
                    error.args = (f"{error} ({' '.join(map(str, command[:2]))})",)
                    raise
                replies.append(error)
        self._idle.append(connection)
        return replies

    def evaluate(self, script: str, key: str, *arguments: object) -> Any:
        """Run a script that is no verb, and that writes nothing; for the errors see ``Link``."""
        return self.insist(lambda: self._exchange("EVAL", script, 1, key, *arguments))

    def close(self) -> None:
        """Drop the connections that nobody uses now; the next call opens new ones."""
        with suppress(IndexError):  # other threads take from it meanwhile
            while True:
                self._idle.pop().disconnect()
        self.client.connection_pool.disconnect(inuse_connections=False)

    def _exchange(self, *command: Any) -> Any:
        return self._received(self._sent(*command))

    def _sent(self, *command: Any) -> Any:
        """The connection from which the reply is to be received."""
        connection = self._idle_or_new()
        self._send(connection, command)
        return connection

    def _idle_or_new(self) -> Any:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = None
        # That of a process of which this one is a fork is still in use there.
        if connection is None or connection.pid != os.getpid():
            connection = self._new(self.client)
        return connection

    def _received(self, connection: Any) -> Any:
        """Its reply. A connection that is lost over it is not kept."""
        try:
            return self._receive(connection)
        finally:
            if connection.is_connected:
                self._idle.append(connection)


class DedicatedLink(_Lines):
    """One connection of its own, without redis-py's wrapper: for the hot path of one thread.

    Its ``fileno`` can be waited on together with other things, between ``send`` and ``receive``.
    """

    def __init__(self, endpoint: Endpoint, *, patience: float = 2.0, **options: Any) -> None:
        super().__init__(endpoint, patience)
        client = endpoint.client(**options)
        self._route = route_of(client)
        self.connection = self._new(client)

    def _heed(self, error: Exception) -> None:
        if self._route and self._route.lead_on(error):
            self.close()

    def send(self, *command: object) -> None:
        """Send a command whose reply ``receive`` will read.

        Raises:
            StoreUnavailable: the server could not be reached.
        """
        self.insist(lambda: self.connection.send_command(*command))

    def receive(self) -> Any:
        """The reply to what was sent.

        Raises:
            StoreUnavailable: the connection is gone, and the reply with it.
        """
        try:
            return self._receive(self.connection)
        except (RedisError, OSError) as error:
            self._heed(error)
            raise explain(error, self._endpoint.describe()) from error

    def fileno(self) -> int:
        """Of the connection's socket, to be waited on after ``send``."""
        return int(self.connection._sock.fileno())  # noqa: SLF001 - redis-py has no public name for it

    def close(self) -> None:
        """Drop the connection."""
        self.connection.disconnect()

    def _exchange(self, *command: Any) -> Any:
        self._send(self.connection, command)
        return self._receive(self.connection)


def call_verb(execute: Callable[..., Any], verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
    """Call a verb: a function of our library, which a server that does not know it is given first.

    One that does not take it, as it is full or we may not, is sent the verb as a script each time.
    """
    command = ("FCALL", verb.function, 1, prefix, *arguments)
    try:
        return execute(*command)
    except redis.ResponseError as error:
        if "Function not found" not in str(error):
            raise
    try:
        execute("FUNCTION", "LOAD", verb.library)
    except (OutOfMemoryError, NoPermissionError):
        return execute("EVAL", verb.script, 1, prefix, *arguments)
    except redis.ResponseError as error:
        if "already exists" not in str(error):
            raise
    return execute(*command)


def insist(
    endpoint: Endpoint, attempt: Callable[[], T], deadline: float, heed: Callable[[Exception], None]
) -> T:
    """Make a call until it is answered or the deadline (of ``time.monotonic``) is past; heed each error."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except (RedisError, OSError) as error:
            heed(error)
            if not is_passing(error) or time.monotonic() + pause > deadline:
                raise explain(error, endpoint.describe()) from error
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        endpoint.ensure()
