"""The Lua scripts: one file a verb, put together here and called by keyword.

A file ``lua/claim.lua`` defines ``local function claim(claimer, request, ...)``; its parameters are the
arguments of the call, in that order, so the two cannot disagree. A comment ``-- include: state, bell`` names
what it uses of ``lua/lib`` or of other verbs; ``-- seldom: recall``, what it calls as
``seldom().recall(...)`` because most calls do without it. A key is there under its name in
:class:`keys.Keys`; a script is sent those it names, but for those that only ``seldom`` names: it makes them.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
import textwrap
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from junmai_jobs.keys import Keys

VERBS = (
    "enqueue", "promote", "claim", "extend", "succeed", "retry", "fail", "defer", "release", "crash", "reap",
    "cancel", "confirm_cancel", "resolve", "revive", "reprioritize", "pause", "resume", "purge", "prune",
    "step", "progress", "register", "deregister", "dismiss", "announce",
    "checkpoint", "log", "outranked", "step_aside", "expire", "inherit", "suspicion", "acquit",
    "age", "sample", "listen",
    "schedule", "unschedule", "due", "fire", "survey",
)  # fmt: skip
_IN_NEED_OF_ROOM = frozenset({"enqueue", "fire"})
_ALLOW_OOM = "#!lua flags=allow-oom\n"


@dataclass(frozen=True, slots=True)
class Script:
    """One verb, ready to be sent."""

    name: str
    text: str
    sha: str
    keys: tuple[str, ...]
    """The fields of ``Keys`` that it uses."""
    parameters: tuple[str, ...]
    variadic: bool

    def arguments(self, *rest: object, **named: object) -> tuple[object, ...]:
        """The ARGV of a call.

        Raises:
            TypeError: the names are not those of the Lua function.
        """
        if named.keys() != set(self.parameters) or (rest and not self.variadic):
            raise TypeError(f"{self.name} takes {self.parameters}, got {tuple(named)} and {len(rest)} more")
        return (*(named[parameter] for parameter in self.parameters), *rest)


@functools.cache
def load(name: str, *, shebang: bool = True, moved_clock: bool = False) -> Script:
    """Put one verb together.

    Args:
        name: one of ``VERBS``.
        shebang: say that the verb may run on a full server; all but those that submit jobs may, so that what
            is there can run, end and be cleared away.
            Servers before Redis 7 and fakeredis do not know such a line.
        moved_clock: read the time from the test kit's clock.
    """
    replaced = {"now": "now_moved"} if moved_clock else {}
    texts = _collect([name], {}, replaced)
    code = "".join(texts.values())
    keys = _keys_in(code)
    if seldom := _named_in(texts, "seldom"):
        rest = _collect(seldom, texts, replaced)
        while more := [each for each in _named_in(rest, "seldom") if each not in seldom]:
            seldom += more
            rest |= _collect(more, texts | rest, replaced)
        made = _made_when_called(seldom, "".join(rest.values()), keys)
        code = f"local seldom\n{code}{made}"
        keys |= _keys_in(made) & {"prefix"}
    code += f"return {name}(unpack(ARGV))\n"
    ordered = tuple(field for field in Keys._fields if field in keys)
    text = textwrap.fill(f"local {', '.join(ordered)} = unpack(KEYS)", 110) + "\n" + code
    if shebang and name not in _IN_NEED_OF_ROOM:
        text = _ALLOW_OOM + text
    signature = re.search(rf"^local function {name}\((.*?)\)", texts[name], re.MULTILINE)
    if signature is None:
        raise LookupError(f"{name}.lua defines no function of its name")
    parameters = tuple(re.findall(r"\w+", signature[1]))
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(name, text, sha, ordered, parameters, variadic="..." in signature[1])


def _collect(names: list[str], known: dict[str, str], replaced: dict[str, str]) -> dict[str, str]:
    """The texts of ``names`` and all they include that are not ``known``, those that build on others last."""
    found: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in known and name not in found:
            text = _read(name, replaced)
            for other in _named(text, "include"):
                add(other)
            found[name] = text

    for name in names:
        add(name)
    return found


def _read(name: str, replaced: dict[str, str]) -> str:
    folder = files("junmai_jobs") / "lua"
    path = folder / f"{name}.lua" if name in VERBS else folder / "lib" / f"{replaced.get(name, name)}.lua"
    return path.read_text(encoding="utf-8")


def _named(text: str, how: str) -> list[str]:
    lines = re.findall(rf"^-- {how}: (.*)$", text, re.MULTILINE)
    return [part.strip() for line in lines for part in line.split(",")]


def _named_in(texts: dict[str, str], how: str) -> list[str]:
    return list(dict.fromkeys(each for text in texts.values() for each in _named(text, how)))


def _keys_in(code: str) -> set[str]:
    return set(Keys._fields) & set(re.findall(r"\w+", re.sub(r"--.*", "", code)))


def _made_when_called(names: list[str], code: str, sent: set[str]) -> str:
    """``seldom()``, which makes functions when first called and returns them by name: a closure costs time.

    So does a key that is sent: those that nothing else needs are made here.
    """
    keys = sorted(_keys_in(code) - sent - {"prefix"})
    made = "".join(f"local {key} = prefix .. '{key}'\n" for key in keys)
    fields = "".join(f"  {name} = {name},\n" for name in names)
    return (
        f"local all_made\nfunction seldom()\nif all_made then return all_made end\n"
        f"{made}{code}all_made = {{\n{fields}}}\nreturn all_made\nend\n"
    )


def main(folder: str) -> None:
    """Write the composed scripts into a folder, for a linter or a curious reader."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in VERBS:
        (Path(folder) / f"{name}.lua").write_text(load(name, shebang=False).text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
