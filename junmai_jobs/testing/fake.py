"""A server in this process: fakeredis, which runs the same Lua; its clock can be moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import redis

from junmai_jobs.connection import ClientLink

if TYPE_CHECKING:
    from junmai_jobs.scripts import Verb

try:
    import fakeredis
    import lupa  # noqa: F401 - fakeredis can do without, but then it runs no Lua
except ImportError as error:
    raise ImportError(
        f"junmai_jobs.testing needs {error.name}: pip install 'junmai-jobs[testing]'", name=error.name
    ) from error

_NOTHING: Mapping[str, str] = {}


class FakeServer:
    """An endpoint without a server. It holds what is stored; who has the object has the data."""

    def __init__(self) -> None:
        self._server = fakeredis.FakeServer(server_type="redis", version=(7,))

    def client(self, **_: Any) -> redis.Redis:
        """A client; no two of them wait for each other."""
        client: redis.Redis = fakeredis.FakeRedis(server=self._server)
        return client

    def empty(self) -> None:
        """Forget all that is stored; the Lua stays."""
        self.client().flushall()

    def ensure(self) -> None:
        """It is always there."""

    def check(self, *, allow_eviction: bool = False) -> None:
        """It will always do."""

    def processes(self) -> tuple[int, ...]:
        """It is nobody's own."""
        return ()

    def describe(self) -> str:
        """What stands for its address."""
        return "fakeredis"


@dataclass(frozen=True)
class Clock:
    """The clock of one namespace, as scripts with ``moved_clock`` read it."""

    admin: Any
    """A redis-py client."""
    meta: str
    """The namespace's key of that name."""

    def advance(self, seconds: float) -> None:
        """Let so much time pass; less than 0 for a clock that is set back."""
        self.admin.hincrby(self.meta, "clock_offset", round(seconds * 1000))

    @property
    def moved(self) -> int:
        """By how many milliseconds it is ahead of the server's."""
        return int(self.admin.hget(self.meta, "clock_offset") or 0)


class FakeLink(ClientLink):
    """To a ``FakeServer``, by its own client: there is no connection to be kept.

    Args:
        endpoint: the server.
        clock: by which the server is to tell the time, outside scripts too; None: its own.
        altered: see ``InProcessQueue``.
        options: those of ``ClientLink``.
    """

    def __init__(
        self,
        endpoint: FakeServer,
        *,
        clock: Clock | None = None,
        altered: Mapping[str, str] = _NOTHING,
        **options: Any,
    ) -> None:
        super().__init__(endpoint, **options)
        self._clock = clock
        self._altered = tuple(altered.items())

    def run(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        """Call a verb, see ``Link``."""
        return super().run(_altered(verb, self._altered) if self._altered else verb, prefix, arguments)

    def begin(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Callable[[], Any]:
        """The call is made when its reply is asked for."""
        return partial(self.run, verb, prefix, arguments)

    def exchange(self, commands: Sequence[tuple[Any, ...]], *, raising: bool = True) -> list[Any]:
        """Send commands one after the other, see ``ClientLink``."""
        replies: list[Any] = []
        for command in commands:
            try:
                replies.append(self._exchange(*command))
            except redis.ResponseError as error:
                if raising:
                    raise
                replies.append(error)
        return replies

    def _exchange(self, *command: Any) -> Any:
        reply = self.client.execute_command(*command)
        if command[0] == "TIME" and self._clock is not None:
            whole = reply[0] * 1_000_000 + reply[1] + self._clock.moved * 1000
            return divmod(whole, 1_000_000)
        return reply


@cache
def _altered(verb: Verb, altered: tuple[tuple[str, str], ...]) -> Verb:
    text = verb.library
    for old, new in altered:
        text = text.replace(old, new)
    return replace(verb, library=text)
