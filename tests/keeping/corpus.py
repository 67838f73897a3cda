"""What earlier versions of the schema have stored, byte by byte: this version has to work on with it.

Never changed, only added to: a new version of the schema comes with a corpus of the one before, which is what
the last commit wrote that knew no other.
"""

from __future__ import annotations

import time
from typing import Any

from junmai_jobs.keys import FINISHED_HOMES

LONG_AGO = 1_764_000_000_000
"""Milliseconds since 1970: all that was due has been for long."""
_BAND = 21_990_232_555_520
"""The first score of priority 5."""

# [task, args, kwargs, options], without the empty parts at the end.
_QUICK = b"\x91\xa5quick"
_WITH_NUMBER = b"\x92\xa5quick\x91\x07"
_BY_NAME = b"\x93\xa5quick\x90\x81\xa6number\x08"
_WITH_OPTIONS = b"\x94\xa5quick\x91\x09\x80\x81\xa7timeout\xcb\x40\x4e\x00\x00\x00\x00\x00\x00"
_SCHEDULE = (
    b"\x88\xa4body\xc4\x15" b"1default|5|@|\n\x91\xa5quick" b"\xa5delay\xcb\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\xa5every\xcd\x0e\x10\xa4cron\xc0\xa2tz\xa3UTC\xa8catch_up\xa4once\xa7in_code\xc2\xa6paused\xc2"
)  # fmt: skip
_FAILED = (
    b'"finished":1764000000001,"worker":"w/1","detail":'
    b'{"error":{"type":"ValueError","message":"too dark","traceback":""}}}\n'
)
_SUSPECT, _MADE = (f"quick 0123456789abcdef {letter * 64}" for letter in "ef")

VERSION_1: dict[str, dict[str, Any]] = {
    "bodies": {
        "plain": b"1default|5\n" + _QUICK,
        "number": b"1default|5\n" + _WITH_NUMBER,
        "by.name": b"1night|9\n" + _BY_NAME,
        "options": b"1default|0|1764000000000|\n" + _WITH_OPTIONS,
        "expires": b"1default|5|1764000000000|9000000000000\n" + _WITH_NUMBER,
        "over": b"1default|5|1764000000000|60000\n" + _WITH_NUMBER,
        "batched": b"1default|5|||b=shoot\n" + _WITH_NUMBER,
        "limited": b"1default|5|||c=card,2;r=site,100,1000\n" + _WITH_NUMBER,
        "parked": b"1default|5|||c=card,2\n" + _WITH_NUMBER,
        "unique": b"1default|5|||u=folder,alive,0,first\n" + _WITH_NUMBER,
        "again": b"1default|5\n" + _WITH_NUMBER,
        "later": b"1default|5\n" + _WITH_NUMBER,
        "parent": b"1default|5\n" + _WITH_NUMBER,
        "child": b"1default|5\n\x94\xa5quick\x91\x07\x80\x81\xa5after\xadcancel=parent",
        "lost": b"1default|5\n" + _WITH_NUMBER,
        "done": b"1default|5\n" + _WITH_NUMBER,
        "failed": b"1default|5\n" + _WITH_NUMBER,
    },
    "states": {
        "again": b"retrying|default|21990232555600|1764000000000001|1|0|w/1|||",
        "parked": b"blocked|default|21990232555601||0|0|||card|",
        "child": b"blocked|default|||0|0||||0",
        "lost": b"running|default|21990232555602|1764000000000002|0|0|gone/0|||",
        "done": b"succeeded|default|21990232555603|1764000000000003|0|0|w/1|||",
        "failed": b"failed|default|21990232555604|1764000000000004|0|0|w/1|||too dark",
    },
    "q:default:ready": {
        "plain": _BAND + 1, "number": _BAND + 2, "expires": _BAND + 3, "over": _BAND + 4,
        "batched": _BAND + 5, "limited": _BAND + 6, "unique": _BAND + 7, "parent": _BAND + 8,
        "options": 43_980_465_111_041,
    },
    "q:night:ready": {"by.name": 4_398_046_511_105},
    "q:default:retrying": {"again": LONG_AGO},
    "q:default:scheduled": {"later": LONG_AGO},
    "q:default:blocked": {"child": LONG_AGO, "parked": LONG_AGO},
    "q:default:leases": {"lost": LONG_AGO},
    "succeeded": {"done": LONG_AGO},
    "failed": {"failed": LONG_AGO},
    "queues": {"default": 0, "night": 0},
    "results": {"done": b"\x07"},
    "histories": {
        "again": b'{"attempt":1,"event":"failed","token":"1764000000000001",' + _FAILED,
        "failed": b'{"attempt":1,"event":"failed","token":"1764000000000004",' + _FAILED,
    },
    "checkpoints": {"again": b"\x93\x01\x02\x03"},
    "log_lines": {"again": b"1764000000000001 1\n1764000000000 read\n"},
    "progress_notes": {"again": b'{"done":1,"total":2}'},
    "members": {"shoot batched": 0},
    "parents": {"child parent": 0},
    "children": {"parent child cancel": 0},
    "parked": {"card 0021990232555601 parked": 0},
    "limits_due": {"card,2": LONG_AGO},
    "uniques": {"folder": b"unique alive 0"},
    "claimers": {"gone/0": b"1.7|lost|1764000000000002|"},
    "schedules": {"hourly": _SCHEDULE},
    "ticks": {"hourly": LONG_AGO},
    "suspects": {_SUSPECT: b"1764000000000004 failed SIGSEGV"},
    "suspected": {_SUSPECT: LONG_AGO},
    "cached": {_MADE: b" \x07"},
    "cache_uses": {_MADE: 1_764_000_000_000_003},
    "minutes": {"1764000000|1|1|0|5|1": 1_764_000_000},
    "meta": {"token": b"1764000000000004", "sequence": b"100", "announced": b"|1764000000000|1764000000000"},
}  # fmt: skip
"""Of before a body could be compressed."""
VERSION_2: dict[str, dict[str, Any]] = {
    "bodies": {
        "compressed": b"2default|5\n\xc1"
        + bytes.fromhex("78019bb2b4b03433397b227b43e39292c4f4e24937532ae8006ea654d201000041646873"),
        "beside": b"1default|5\n" + _WITH_NUMBER,
    },
    "q:default:ready": {"compressed": _BAND + 1, "beside": _BAND + 2},
    "queues": {"default": 0},
    "meta": {"token": b"1764000000000004", "sequence": b"100"},
}
"""Where it may be: ``compressed`` has two long tags."""
UNKNOWN = b"9default|5\n\xc1whatever a later version writes\xff"
"""A body of a version that is not known yet."""
ENDS = {
    "succeeded": {
        "plain", "number", "by.name", "options", "expires", "batched", "limited", "parked", "unique", "again",
        "later", "parent", "child", "lost", "done",
    },
    "failed": {"failed"},
    "cancelled": {"over"},
}  # fmt: skip
"""Where the jobs of version 1 are in the end, beside those that the schedule brings."""


def plant(admin: Any, prefix: str, corpus: dict[str, dict[str, Any]]) -> None:
    """Store it, by a redis-py client, as it is; only what has finished did so now: else it were forgotten."""
    now = time.time() * 1000
    for name, entries in corpus.items():
        if isinstance(next(iter(entries.values())), bytes):
            admin.hset(prefix + name, mapping=entries)
        else:
            admin.zadd(prefix + name, dict.fromkeys(entries, now) if name in FINISHED_HOMES else entries)
