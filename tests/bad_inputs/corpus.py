"""Stored bytes that no version of ours has written, and what else may lie about in a server."""

from __future__ import annotations

import random
from typing import Any

import msgpack

HEADER = b"1default|5\n"
DEEP = b"\x91" * 500 + b"\xc0"
"""Within what msgpack would read."""


def packed(value: Any) -> bytes:
    """As msgpack, unchecked."""
    data: bytes | None = msgpack.packb(value)
    assert data is not None
    return data


def body(*parts: Any) -> bytes:
    """A job's body, of whatever parts: task, args, kwargs, options."""
    return HEADER + packed([*parts])


def array(item: bytes, count: int) -> bytes:
    """A list of so many times the same stored item."""
    return b"\xdd" + count.to_bytes(4) + item * count


def with_args(stored: bytes) -> bytes:
    """The body of a job of the task ``quick`` with one argument as it is stored."""
    return HEADER + b"\x92\xa5quick\x91" + stored


ARGUMENTS = {
    "unknown extension": packed(msgpack.ExtType(99, b"x")),
    "a time of msgpack's own": b"\xd6\xff\x00\x00\x00\x00",
    "no date": packed(msgpack.ExtType(1, b"yesterday")),
    "no UTF-8": b"\xa1\xff",
    "no such type": b"\xc1",
    "a claim of 4 billion": b"\xdd\xff\xff\xff\xff",
    "deep": DEEP,
    "too deep for msgpack": b"\x91" * 5000 + b"\xc0",
    "a key twice": b"\x82\xa1a\x01\xa1a\x02",
    "a key of bytes": b"\x81\xc4\x01a\x01",
    "a key that is a number": b"\x81\x01\x02",
    "half": b"\x92\x01",
    "a million empty dicts": array(b"\x80", 10**6),
    "ten million empty dicts": array(b"\x80", 10**7),
}
"""Of a job, each as msgpack."""
BODIES = {
    "empty": b"",
    "junk": b"junk",
    "no line": b"1default|5",
    "nothing after the line": HEADER,
    "an older version": b"0default|5\n\x91\xa5quick",
    "truncated": body("quick", [1])[:-1],
    "trailing": body("quick", [1]) + b"\x00",
    "no list": HEADER + b"\x07",
    "no parts": HEADER + b"\x90",
    "five parts": body("quick", [], {}, {}, 1),
    "a task that is no text": body(7),
    "arguments that are no list": body("quick", {"number": 1}),
    "keywords that are no dict": body("quick", [], [1]),
    "options that are no dict": body("quick", [], {}, [1]),
    "an option that there is not": body("quick", [], {}, {"nope": 1}),
    "a timeout that is text": body("quick", [], {}, {"timeout": "long"}),
    "a timeout of NaN": body("quick", [], {}, {"timeout": float("nan")}),
    "retries that are a number": body("quick", [], {}, {"retry": 5}),
    "retries that are too few": body("quick", [], {}, {"retry": [1]}),
    "retries that are text": body("quick", [], {}, {"retry": ["a", "b", "c", "d", "e"]}),
    "parents that are a number": body("quick", [], {}, {"after": 5}),
    "tags that are a number": body("quick", [], {}, {"tags": 5}),
    "a queue that is no text": b"1\xff\xfe|5\n\x91\xa5quick\xc1",
    "a limit without a number": b"1default|5|1||c=x,many\n\x92\xa5quick\x91\x01",
    "a rate without a span": b"1default|5|1||r=x,5\n\x92\xa5quick\x91\x01",
    "numbers that are too large": b"1default|" + b"9" * 5000 + b"|" + b"9" * 400 + b"|\n\xc1",
    **{f"argument: {name}": with_args(stored) for name, stored in ARGUMENTS.items()},
}


def mutations(whole: bytes, count: int, *, seed: int) -> list[bytes]:
    """The same bytes with one of them changed, but for the first: that is a version."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        at = chance.randrange(1, len(whole))
        found.append(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1 :])
    return found
