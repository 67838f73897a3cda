"""The real store, at the simulated time: every call is followed by a look at all that there is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hiredis
from redis.exceptions import ResponseError

import junmai_jobs
from junmai_jobs import scripts
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES, Keys
from junmai_jobs.record import State

if TYPE_CHECKING:
    from collections.abc import Sequence

QUEUES = ("a", "b")
_LIBRARY = scripts.library_name(scripts.library(moved_clock=True))
_MOVED = (Path(junmai_jobs.__file__).parent / "lua/lib/now_moved.lua").read_text(encoding="utf-8")
_SIMULATED = "local function read_clock() return tonumber(redis.call('HGET', meta, 'clock_us')) end\n"
_LOOK = """
local prefix, found = ARGV[1], {}
for queue in string.gmatch(ARGV[2], '%S+') do
  for kind in string.gmatch(ARGV[3], '%S+') do
    found[#found + 1] = redis.call('ZRANGE', prefix .. 'q:' .. queue .. ':' .. kind, 0, -1, 'WITHSCORES')
  end
end
for home in string.gmatch(ARGV[4], '%S+') do
  found[#found + 1] = redis.call('ZRANGE', prefix .. home, 0, -1, 'WITHSCORES')
end
for index, name in ipairs({'states', 'results', 'claimers'}) do
  found[#found + 1] = redis.call('HGETALL', prefix .. name)
end
found[#found + 1] = redis.call('HKEYS', prefix .. 'bodies')
local bells = {}
for index = 5, #ARGV do bells[#bells + 1] = redis.call('LLEN', ARGV[index]) end
return {found, bells}
"""
_NAMES = [f"{queue}:{kind}" for queue in QUEUES for kind in QUEUE_HOMES] + list(FINISHED_HOMES)


class View(NamedTuple):
    """All that is known of jobs at one moment."""

    homes: dict[str, str]
    """Id -> ``ready``, ``leases``, ...; a job in two homes is an error of its own."""
    scores: dict[str, float]
    states: dict[str, State]
    results: dict[str, bytes]
    claimers: dict[str, str]
    lines: dict[str, list[str]]
    """Queue -> what is ready, in its order."""

    def runs(self, job_id: str, token: str) -> bool:
        state = self.states.get(job_id)
        return state is not None and (state.word, state.token) == ("running", token)


NOTHING = View({}, {}, {}, {}, {}, {})


def view_of(found: list[Any]) -> View:
    """The look, read; that each job is in one home, and its state agrees, is seen to here."""
    homes: dict[str, str] = {}
    scores: dict[str, float] = {}
    lines: dict[str, list[str]] = {}
    for name, flat in zip(_NAMES, found, strict=False):
        queue, _, kind = name.rpartition(":")
        if kind == "ready":
            lines[queue] = [each.decode() for each in flat[::2]]
        for job_id, score in _pairs(flat):
            assert job_id not in homes, f"job {job_id} is in {homes[job_id]} and in {name}"
            homes[job_id], scores[job_id] = kind, float(score)
    states = {job_id: state for job_id, text in _pairs(found[-4]) if (state := State.parse(text))}
    assert homes.keys() == {each.decode() for each in found[-1]}, "jobs without a home, or the reverse"
    for job_id, state in states.items():
        assert homes[job_id] == {"running": "leases"}.get(state.word, state.word), (
            f"the state of {job_id} lies"
        )
    claimers = {name: text.decode() for name, text in _pairs(found[-2])}
    return View(homes, scores, states, dict(_pairs(found[-3])), claimers, lines)


def _pairs(flat: list[bytes]) -> list[tuple[str, bytes]]:
    return [(flat[at].decode(), flat[at + 1]) for at in range(0, len(flat), 2)]


class Mutant(NamedTuple):
    """A way to break the scripts: text that is replaced wherever it stands."""

    name: str
    old: str
    new: str


@dataclass
class Call:
    """One command as the server got it: of a verb its name and arguments, too."""

    verb: str
    keys: list[str]
    arguments: list[bytes]

    def texts(self) -> list[str]:
        return [each.decode("utf-8", "replace") for each in self.arguments]


class SimulatedStore:
    """Namespaces on a real server, one after the other, whose scripts read the time from here."""

    def __init__(self, admin: Any, mutant: Mutant | None = None) -> None:
        self.admin = admin
        self._connection: Any = admin.connection_pool.make_connection()
        self._look = admin.script_load(_LOOK)
        self._library = f"{_LIBRARY}_{hashlib.sha256(repr(mutant).encode()).hexdigest()[:12]}"
        admin.function_load(_simulated(mutant).replace(_LIBRARY, self._library), replace=True)

    def begin(self, namespace: str) -> None:
        """With nothing in it."""
        self.keys = Keys.of(namespace)
        if left := self.admin.keys(f"{self.keys.prefix}*"):
            self.admin.delete(*left)
        self.clock_us = 0
        self.knows = False
        """Whether the server has been given the library since it was started."""
        self.view = NOTHING
        self._raw: list[Any] = []
        self._looked = (self.keys.prefix, *map(" ".join, (QUEUES, QUEUE_HOMES, FINISHED_HOMES)))

    def close(self) -> None:
        self._connection.disconnect()

    def call_of(self, command: Sequence[bytes]) -> Call | None:
        """What a command means. None: the server does not know such a function yet."""
        word = command[0].decode().upper()
        if word != "FCALL":
            return Call(word, [], list(command[1:]))
        if not self.knows:
            return None
        verb = command[1].decode().removeprefix(f"{_LIBRARY}_")
        return Call(verb, [command[3].decode()], list(command[4:]))

    def run(self, call: Call, bells: Sequence[str]) -> tuple[Any, list[str]]:
        """A verb's reply, and which of these bells hold a ring; ``view`` is as it is then."""
        _, reply, (found, lengths) = self._exchange(
            ("HSET", self.keys.meta, "clock_us", self.clock_us),
            ("FCALL", f"{self._library}_{call.verb}", 1, *call.keys, *call.arguments),
            ("EVALSHA", self._look, 0, *self._looked, *bells),
        )
        if found != self._raw:
            self._raw, self.view = found, view_of(found)
        if isinstance(reply, ResponseError):
            raise reply
        return reply, [bell for bell, length in zip(bells, lengths, strict=True) if length]

    def read(self, commands: Sequence[Sequence[bytes]]) -> list[Any]:
        """What redis-py makes of the replies to commands that are no scripts."""
        words = (command[0].decode() for command in commands)
        return [self._as_read(*each) for each in zip(words, self._exchange(*commands), strict=True)]

    def _as_read(self, word: str, reply: Any) -> Any:
        if word == "TIME":
            return divmod(self.clock_us, 1_000_000)
        if word in self.admin.response_callbacks and not isinstance(reply, Exception):
            reply = self.admin.response_callbacks[word](reply)
        # Each server has a hash in an order of its own.
        return dict(sorted(reply.items())) if isinstance(reply, dict) else reply

    def _exchange(self, *commands: Sequence[Any]) -> list[Any]:
        packed = [hiredis.pack_command(tuple(each)) for each in commands]
        self._connection.send_packed_command([b"".join(packed)])
        return [self._read() for _ in packed]

    def _read(self) -> Any:
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error


def _simulated(mutant: Mutant | None) -> str:
    """The library as it is, with the simulated clock, and with what a mutant changes."""
    text = scripts.library(moved_clock=True).replace(_MOVED, _SIMULATED)
    assert "'TIME'" not in text
    if mutant:
        assert mutant.old in text, f"nothing to replace for {mutant}"
        text = text.replace(mutant.old, mutant.new)
    return text
