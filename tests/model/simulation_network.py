"""What lies between a simulated process and the store: calls are lost, answered in vain, doubled and late."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import hiredis
import redis
from redis.exceptions import ResponseError

from tests.model.simulation_laws import Laws
from tests.model.simulation_world import EPOCH, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.model.simulation_store import Call, SimulatedStore
    from tests.model.simulation_world import Process

FATES = ("fine", "lost", "unanswered", "doubled", "late")
READS = {"due", "inherit", "outranked"}
LATEST = 12.0
"""Seconds after which a copy of a call may still come."""


@dataclass
class Trace:
    """Everything that happened, of which the last is kept."""

    shown: bool = False
    length: int = 400
    digest: Any = field(default_factory=hashlib.blake2b)
    count: int = 0

    def __post_init__(self) -> None:
        self.last: deque[str] = deque(maxlen=self.length)

    def note(self, *words: object) -> None:
        line = f"{World.this.now:9.3f} " + " ".join(map(str, words))
        self.count += 1
        self.digest.update(line.encode())
        self.last.append(line)
        if self.shown:
            print(line)


@dataclass
class Network:
    """All lines to the store."""

    world: World
    store: SimulatedStore
    laws: Laws
    trace: Trace
    weights: Sequence[float]
    """How likely each of ``FATES`` is."""
    skew: float = 0.0
    """How far the server's clock is ahead."""
    down_until: float = 0.0
    late_until: float = 0.0
    """When the last copy of a call comes."""
    cut_off: dict[str, float] = field(default_factory=dict)
    """Worker -> until when nothing of it or its children comes through."""
    calls: int = 0
    _blocked: list[tuple[Line, int, list[str]]] = field(default_factory=list)

    def client(self, **_: Any) -> Any:
        """As an endpoint: a client of redis-py, as far as the library uses one."""
        return Client(self)

    def ensure(self) -> None:
        """It is the nemesis' to start."""

    def processes(self) -> tuple[int, ...]:
        """It is nobody's own."""
        return ()

    def describe(self) -> str:
        return "simulated"

    def restart(self, seconds: float) -> None:
        """The server is away for a while; connections break, and it knows no script any more."""
        self.down_until = self.world.now + seconds
        self.store.knows = False
        blocked, self._blocked = self._blocked, []
        for line, serial, _ in blocked:
            line.deliver(serial, _broken())

    def _fate(self, sender: str, word: bytes) -> str:
        [fate] = self.world.random.choices(FATES, self.weights)
        if self.world.now < self.cut_off.get(sender.partition("/")[0], 0.0):
            return "lost"
        return fate if word != b"BLPOP" or fate == "lost" else "fine"

    def transmit(self, line: Line, serial: int, commands: list[list[bytes]]) -> None:
        chance, at = self.world.random, self.world.at
        there, back = chance.uniform(0.0005, 0.01), chance.uniform(0.0005, 0.01)
        fate = self._fate(line.owner.name, commands[0][0])
        sender = line.owner.name

        def arrive(*, answered: bool = True, copy: str = "") -> None:
            if self.world.now < self.down_until:
                reply: Any = _broken()
            else:
                reply = self._apply(f"{sender}{copy}", line, serial, commands)
                if reply is _Blocks:
                    return
            if answered:
                at(back, lambda: line.deliver(serial, reply))

        if fate in {"fine", "doubled"}:
            at(there, arrive)
        if fate == "unanswered":
            at(there, lambda: arrive(answered=False, copy=" (unanswered)"))
        if fate in {"doubled", "late"}:
            delay = chance.uniform(0, LATEST)
            self.late_until = max(self.late_until, self.world.now + delay)
            at(delay, lambda: arrive(answered=False, copy=f" ({fate})"))
        if fate in {"lost", "unanswered", "late"}:
            at(chance.uniform(0.02, 1.0), lambda: line.deliver(serial, _broken()))

    def now_us(self) -> int:
        return round((EPOCH + self.world.now + self.skew) * 1_000_000)

    def _apply(self, sender: str, line: Line, serial: int, commands: list[list[bytes]]) -> Any:
        self.calls += 1
        self.store.clock_us = self.now_us()
        call = self.store.call_of(commands[0])
        if call is None:
            return [ResponseError("Function not found")]
        if call.verb == "BLPOP":
            return self._block(line, serial, call)
        if call.verb == "FUNCTION":
            self.store.knows = True
            return [b"OK"]
        if not call.keys:
            return self.store.read(commands)
        before = self.store.view
        keys = list(dict.fromkeys(key for *_, keys in self._blocked for key in keys))
        reply, rung = self.store.run(call, keys)
        self.trace.note(sender, call.verb, *_shown(call.texts()), "->", *_shown(_flat(reply)))
        self.laws.check(call, reply, before, self.store.view, self.store.clock_us // 1000)
        self._serve(rung)
        return [reply]

    def _block(self, line: Line, serial: int, call: Call) -> Any:
        keys, patience = call.texts()[:-1], float(call.arguments[-1])
        if not line.owner.alive:
            return None
        rung = [key for key in keys if self.store.read([[b"LLEN", key.encode()]]) == [1]]
        self._blocked.append((line, serial, keys))
        self.world.at(patience, lambda: self._time_out(line, serial))
        self._serve(rung)
        return _Blocks

    def _time_out(self, line: Line, serial: int) -> None:
        if any(each[:2] == (line, serial) for each in self._blocked):
            self._blocked = [each for each in self._blocked if each[:2] != (line, serial)]
            line.deliver(serial, [None])

    def _serve(self, rung: list[str]) -> None:
        """A ring is for who has waited longest; who has gone away gets none."""
        for entry in list(self._blocked):
            line, serial, keys = entry
            if not line.owner.alive or line.serial != serial:
                self._blocked.remove(entry)
            elif key := next((key for key in keys if key in rung), None):
                rung.remove(key)
                self._blocked.remove(entry)
                self.store.read([[b"LPOP", key.encode()]])
                self.trace.note("ring", key.rpartition("}:")[2], "->", line.owner.name)
                answer = [[key.encode(), b"1"]]
                back = self.world.random.uniform(0.0005, 0.01)
                self.world.at(back, partial(line.deliver, serial, answer))


class _Blocks:
    """The answer comes when a bell rings."""


def _broken() -> Exception:
    return redis.ConnectionError("the simulated connection is broken")


class Line:
    """A connection: who asks reads the answer, or drops the line, before anything else is asked."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.owner: Process = network.world.me()
        self.serial, self.pid, self.is_connected = 0, os.getpid(), False
        self._parser = self
        self._answer: list[Any] = []
        self._unread: list[Any] = []
        """The replies to the later ones of several commands."""
        self._owes = False
        """Whether an answer is to come that nobody has read yet."""

    def register_connect_callback(self, callback: Callable[..., object]) -> None:
        """There is no socket to be told of."""

    def send_packed_command(self, packed: list[bytes], **_: bool) -> None:
        reader = hiredis.Reader()
        reader.feed(b"".join(packed))
        commands = []
        while command := reader.gets():
            commands.append([bytes(each) for each in command])
        self.send(commands)

    def send_command(self, *command: object) -> None:
        self.send([encoded(command)])

    def send(self, commands: list[list[bytes]]) -> None:
        self.owner = self._network.world.me()
        assert not self._owes, "what is read next would be the answer to something else"
        self.disconnect()
        self.is_connected = self._owes = True
        self._network.transmit(self, self.serial, commands)

    def read_response(self) -> Any:
        reply, *self._unread = self._unread or self._read()
        self._owes = bool(self._unread)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _read(self) -> list[Any]:
        while not self._answer:
            self._network.world.wait([self])
        answer = self._answer.pop()
        if isinstance(answer, Exception):
            self.disconnect()
            raise answer
        return list(answer)

    def ready(self) -> bool:
        return bool(self._answer)

    def deliver(self, serial: int, answer: Any) -> None:
        if serial == self.serial:
            self._answer = [answer]
            self.owner.stir()

    def disconnect(self) -> None:
        self.serial += 1
        self.is_connected = self._owes = False
        self._answer, self._unread = [], []


class Client:
    """A client of redis-py, as far as the library uses one."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.connection_pool = self
        self.connection_kwargs: dict[str, Any] = {}
        self.response_callbacks: dict[str, Any] = {}

    def connection_class(self) -> Line:
        return Line(self._network)

    def disconnect(self, **_: bool) -> None:
        """It keeps no connection."""

    def execute_command(self, *command: object) -> Any:
        line = Line(self._network)
        line.send([encoded(command)])
        return line.read_response()

    def hgetall(self, key: str) -> Any:
        return self.execute_command("HGETALL", key)

    def close(self) -> None:
        """Nothing is open between two commands."""


def encoded(command: Sequence[object]) -> list[bytes]:
    return [each if isinstance(each, bytes) else str(each).encode() for each in command]


def _flat(reply: Any) -> list[str]:
    if isinstance(reply, list):
        return [text for each in reply for text in _flat(each)]
    return [reply.decode("utf-8", "backslashreplace") if isinstance(reply, bytes) else str(reply)]


def _shown(texts: Sequence[str]) -> list[str]:
    return [repr(text)[:48] if len(text) > 40 or not text.isprintable() else text or "''" for text in texts]
