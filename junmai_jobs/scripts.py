"""The Lua: one file a verb, put together here into one library of functions that the server keeps.

A file ``lua/claim.lua`` defines ``local function claim(claimer, request, ...)``; its parameters are the
arguments of the call, in that order, so the two cannot disagree. A comment ``-- include: state, bell`` names
what it uses of ``lua/lib`` or of other verbs. A call names the prefix of its namespace, from which
``lib/begin.lua`` has every key made: it is there under its name in :class:`keys.Keys`.

The server is given the library once and keeps it (``FUNCTION LOAD``). Its name ends with a digest of its
text, so several versions of this package may work side by side.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from junmai_jobs.keys import Keys

VERBS = (
    "enqueue", "promote", "claim", "extend", "succeed", "retry", "fail", "defer", "release", "crash", "reap",
    "cancel", "confirm_cancel", "resolve", "revive", "reprioritize", "boost", "pause", "resume", "purge",
    "prune", "step", "progress", "register", "deregister", "dismiss", "announce",
    "checkpoint", "log", "outranked", "step_aside", "expire", "inherit", "suspicion", "acquit",
    "age", "sample", "listen",
    "schedule", "unschedule", "due", "fire", "survey", "examine",
    "recall", "remember", "forget", "learn",
    "extract", "stage", "restore", "adopt",
)  # fmt: skip
_IN_NEED_OF_ROOM = frozenset({"enqueue", "fire", "remember", "restore", "learn"})
"""What can be left undone; all others may run on a full server, so that what is there can run, end and go."""
_FEW = 3
"""What no more verbs than that need is not shared by all: each has its own."""
_ALLOW_OOM = "#!lua flags=allow-oom\n"
LIBRARIES = "junmai_jobs_"
"""How the name of each version's library begins."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb, ready to be called."""

    name: str
    function: str
    """Its name on the server."""
    library: str
    """The text that has it, as ``FUNCTION LOAD`` takes it."""
    script: str
    """The verb alone, as ``EVAL`` takes it; KEYS has the namespace's prefix."""
    parameters: tuple[str, ...]
    variadic: bool

    def arguments(self, *rest: object, **named: object) -> tuple[object, ...]:
        """The arguments of a call.

        Raises:
            TypeError: the names are not those of the Lua function.
        """
        if named.keys() != set(self.parameters) or (rest and not self.variadic):
            raise TypeError(f"{self.name} takes {self.parameters}, got {tuple(named)} and {len(rest)} more")
        return (*(named[parameter] for parameter in self.parameters), *rest)


@functools.cache
def load(name: str, *, moved_clock: bool = False) -> Verb:
    """Find one verb in the library.

    Args:
        name: one of ``VERBS``.
        moved_clock: it reads the time from the test kit's clock.
    """
    signature = re.search(rf"^local function {name}\((.*?)\)", _read(name, moved_clock), re.MULTILINE)
    if name not in VERBS or signature is None:
        raise LookupError(f"{name}.lua defines no function of its name")
    text = library(moved_clock=moved_clock)
    function = f"{library_name(text)}_{name}"
    alone = _ALLOW_OOM * (name not in _IN_NEED_OF_ROOM) + as_script(name, moved_clock=moved_clock)
    return Verb(name, function, text, alone, tuple(re.findall(r"\w+", signature[1])), "..." in signature[1])


@functools.cache
def library(*, moved_clock: bool = False) -> str:
    """All verbs as one library of functions."""
    needed = {verb: _collect([verb], moved_clock) for verb in VERBS}
    users = Counter(name for texts in needed.values() for name in texts)
    shared = _collect(["begin", "publish"], moved_clock)
    shared |= {name: text for texts in needed.values() for name, text in texts.items() if users[name] > _FEW}
    code = _key_names() + "".join(shared.values())
    for verb, texts in needed.items():
        # Lua has room for 200 locals: what only few verbs need goes when the block of each ends.
        own = "".join(text for name, text in texts.items() if name not in shared)
        flags = "{}" if verb in _IN_NEED_OF_ROOM else "{'allow-oom'}"
        code += f"do\n{own}publish('{verb}', {verb}, {flags})\nend\n"
    name = LIBRARIES + hashlib.sha256(code.encode()).hexdigest()[:12]
    return f"#!lua name={name}\nlocal library = '{name}'\n{code}"


def library_name(text: str) -> str:
    """The name that a library gives itself."""
    return text.partition("\n")[0].removeprefix("#!lua name=")


def as_script(name: str, *, moved_clock: bool = False) -> str:
    """One verb as a script, also for a store that knows neither functions nor flags."""
    texts = _collect(["begin", name], moved_clock)
    return f"{_key_names()}{''.join(texts.values())}begin(KEYS[1])\nreturn {name}(unpack(ARGV))\n"


def _key_names() -> str:
    """``name_keys``: what each key of a namespace is called."""
    fields = [field for field in Keys._fields if field != "prefix"]
    made = "".join(f"  {field} = namespace .. '{field}'\n" for field in fields)
    names = textwrap.fill(f"local prefix, {', '.join(fields)}", 110)
    known = "  if prefix == namespace then return end\n  prefix = namespace\n"
    return f"{names}\nlocal function name_keys(namespace)\n{known}{made}end\n"


def _collect(names: list[str], moved_clock: bool) -> dict[str, str]:
    """The texts of ``names`` and of all they include, those that build on others last."""
    found: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in found:
            for other in _included(name, moved_clock):
                add(other)
            found[name] = _read(name, moved_clock)

    for name in names:
        add(name)
    return found


@functools.cache
def _included(name: str, moved_clock: bool) -> tuple[str, ...]:
    lines = re.findall(r"^-- include: (.*)$", _read(name, moved_clock), re.MULTILINE)
    return tuple(other for line in lines for other in line.split(", "))


@functools.cache
def _read(name: str, moved_clock: bool) -> str:
    folder = Path(__file__).with_name("lua")
    in_lib = "now_moved" if moved_clock and name == "now" else name
    path = folder / f"{name}.lua" if name in VERBS else folder / "lib" / f"{in_lib}.lua"
    return path.read_text(encoding="utf-8")


def main(folder: str) -> None:
    """Write the library into a folder, for a linter or a curious reader."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / "library.lua").write_text(library(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
