"""What the stored forms of a task's jobs have in common: made once, and filled in for each job."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from junmai_jobs import codec

VERSIONS = _AS_IT_IS, _COMPRESSED = b"1", b"2"
"""With one of these bytes a body begins. The second: its call is compressed, and workers that know only the
first leave it where it is."""
_LISTS = (b"\x90", b"\x91", b"\x92", b"\x93", b"\x94")
"""How msgpack begins a list of so many parts."""
_HEADER = re.compile(rb"(.)([^|\n]*)\|(\d+)(?:\|(\d*|@)\|(\d*)(?:\|([^\n]*))?)?\n")
_NO_ARGS, _NO_KWARGS = b"\x90", b"\x80"


class Template(NamedTuple):
    """What the bodies of a task have in common, in their stored form."""

    header: bytes
    """The line that Lua reads (lua/lib/body.lua), without the version before it."""
    task: bytes
    options: bytes
    limit: int
    """The most bytes that the call, all that follows the header, may take before it is compressed."""
    shrinks: bool
    """Whether a body may be compressed. Not where the id is given: two of an id are the same if their bytes
    are, and not every zlib makes the same."""

    @classmethod
    def of(
        cls,
        task: str,
        lane: str,
        priority: int,
        options: Mapping[str, Any],
        *,
        expires: float | None = None,
        extras: Mapping[str, str] = MappingProxyType({}),
        stamp: bool = False,
    ) -> Template:
        """Write it; for the arguments see ``Body`` and ``Body.encode``."""
        header = f"{lane}|{priority}"
        if stamp or expires is not None or extras:
            header += f"|@|{'' if expires is None else max(1, round(expires * 1000))}"
        if extras:
            header += "|" + ";".join(f"{name}={value}" for name, value in extras.items())
        parents_length = len(str(options.get("after", "")))
        return cls(
            header.encode() + b"\n",
            codec.pack(task, place="task"),
            codec.pack(dict(options), limit=codec.BODY_LIMIT, place="options") if options else _NO_KWARGS,
            codec.PAYLOAD_LIMIT + parents_length,
            not stamp,
        )

    def filled(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """A body with these arguments: the header, then msgpack, trailing empty parts left out.

        Raises:
            PayloadError: an argument cannot be stored.
        """
        parts = [
            self.task,
            codec.pack(list(args), place="args") if args else _NO_ARGS,
            codec.pack(dict(kwargs), place="kwargs") if kwargs else _NO_KWARGS,
            self.options,
        ]
        while parts[-1] in {_NO_ARGS, _NO_KWARGS}:
            parts.pop()
        call = codec.check_size(_LISTS[len(parts)] + b"".join(parts), self.limit, "the job")
        stored = codec.shrunk(call) if self.shrinks else call
        return (_AS_IT_IS if stored is call else _COMPRESSED) + self.header + stored


class Header(NamedTuple):
    """The line with which a body begins, in the same layout in every version (lua/lib/body.lua)."""

    version: str
    lane: str
    priority: int
    created: float | None
    expires: float | None
    extras: Mapping[str, str]

    @classmethod
    def read(cls, body: bytes) -> Header | None:
        """Read it, of a newer version too; None: it cannot be read."""
        if (found := _HEADER.match(body)) is None:
            return None
        try:
            return cls(
                found[1].decode(),
                found[2].decode(),
                int(found[3]),
                int(found[4]) / 1000 if found[4] not in {None, b"", b"@"} else None,
                int(found[5]) / 1000 if found[5] else None,
                dict(extra.split("=", 1) for extra in (found[6] or b"").decode().split(";") if extra),
            )
        except (ValueError, OverflowError):
            return None
