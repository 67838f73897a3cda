from __future__ import annotations

import math
import os
import random
import sys
import threading
import tracemalloc
import zlib
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from pathlib import Path, PurePosixPath
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs.codec import DEPTH_LIMIT, PAYLOAD_LIMIT, RESULT_LIMIT, pack, shrunk, unpack
from junmai_jobs.errors import JunmaiJobsError, PayloadError


class Stars(IntEnum):
    FIVE = 5


def nested(depth: int) -> Any:
    """So many lists inside each other."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


itself: list[Any] = []
itself.append(itself)

json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@given(json_like)
def test_what_may_be_stored_comes_back(value: Any) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        -(2**63),
        2**64 - 1,
        math.inf,
        "\x00 and \u2603",
        b"\xff\x00",
        datetime(2026, 11, 24, 3, 4, 5, 678901, tzinfo=UTC),
        datetime(2026, 11, 24, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2026, 11, 24, 12, 30),  # noqa: DTZ001 - one without a time zone keeps having none
        Path("/shoot/0001.NEF"),
        Path(os.fsdecode(b"/shoot/caf\xe9.jpg")),
        nested(DEPTH_LIMIT),
    ],
    ids=repr,
)
def test_comes_back_the_same(value: Any) -> None:
    back = unpack(pack(value))
    assert (type(back), back) == (type(value), value)


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ((1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        (Stars.FIVE, 5),
        (PurePosixPath("a/b"), Path("a/b")),
    ],
)
def test_comes_back_plainer(value: Any, back: Any) -> None:
    assert unpack(pack(value)) == back
    assert type(unpack(pack(value))) is type(back)


def test_not_a_number_comes_back() -> None:
    assert math.isnan(unpack(pack(math.nan)))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (lambda: 1, r"^value is a function, which cannot be stored; use None, bool"),
        ({1, 2}, r"^value is a set, which cannot be stored"),
        (bytearray(b"x"), r"^value is a bytearray"),
        ([0, {"mask": {1}}], r"^value\[1\]\.mask is a set"),
        ({"a": [object()]}, r"^value\.a\[0\] is an object"),
        (2**64, r"^value is an integer of more than 64 bits; pass it as text"),
        (-(2**63) - 1, "more than 64 bits"),
        ({"n": 2**70}, r"^value\.n is an integer of more than 64 bits"),
        ("\ud800", r"^value has a lone surrogate; a file name goes in as a Path"),
        ({"\udcff": 1}, r"^a key of value has a lone surrogate"),
        ({1: 2}, r"^value has the key 1; keys must be text"),
        ({"a": {None: 2}}, r"^value\.a has the key None"),
        (nested(DEPTH_LIMIT + 1), "is nested more than 64 deep, or contains itself"),
        (itself, "contains itself"),
    ],
    ids=lambda case: case if isinstance(case, str) else type(case).__name__,
)
def test_what_may_not_be_stored_is_named(value: Any, complaint: str) -> None:
    with pytest.raises(PayloadError, match=complaint):
        pack(value)


def test_a_complaint_names_the_place_it_was_given() -> None:
    with pytest.raises(PayloadError, match=r"^args\[0\]\.mask is a set"):
        pack([{"mask": set()}], place="args")


def test_the_limit_is_told_with_the_size() -> None:
    assert pack(b"x" * 95, limit=97)
    with pytest.raises(
        PayloadError, match=r"args takes 300,003 bytes, the limit is 262,144: store a path to a file instead"
    ):
        pack(b"x" * 299_998, place="args")


def test_a_complaint_is_a_value_error_and_one_of_ours() -> None:
    assert issubclass(PayloadError, ValueError)
    assert issubclass(PayloadError, JunmaiJobsError)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x92\x01",
        b"\x01\x02",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 5000 + b"\xc0",
        b"\xa1\xff",
        b"\x81\x01\x02",
        msgpack.packb(msgpack.ExtType(99, b"")),
        msgpack.packb(msgpack.ExtType(1, b"yesterday")),
        msgpack.packb(msgpack.ExtType(1, b"\xff")),
        msgpack.packb(msgpack.Timestamp(0)) + b"\x00",
    ],
    ids=[
        "nothing", "truncated", "two values", "no such type", "a huge list", "a huge dict", "a deep list",
        "no UTF-8", "a key that is no text", "unknown extension", "no date", "a date in no UTF-8", "trailing",
    ],
)  # fmt: skip
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    with pytest.raises(PayloadError, match="stored bytes cannot be read"):
        unpack(data)


def test_threads_may_store_at_once() -> None:
    wrong: list[str] = []

    def store(name: str) -> None:
        value = [Path(f"/{name}/{number}") for number in range(20)]
        stored = pack(value)
        wrong.extend(name for _ in range(500) if pack(value) != stored)

    threads = [threading.Thread(target=store, args=(name,)) for name in "abc"]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert wrong == []


# ---- what is large -------------------------------------------------------------------------------

chance = random.Random(1)
PATHS = [f"/Users/anna/Pictures/2026/wedding/garden/IMG_{number:04}.CR3" for number in range(2000)]


def test_a_list_of_paths_shrinks_and_comes_back() -> None:
    data = pack(PATHS)
    assert len(shrunk(data)) < len(data) / 4
    assert unpack(shrunk(data), limit=PAYLOAD_LIMIT) == PATHS


@pytest.mark.parametrize(
    "value",
    [
        PATHS[:70],
        [chance.random() for _ in range(10_000)],
        chance.randbytes(100_000),
        [PATHS[:100], chance.randbytes(100_000)],
    ],
    ids=["few paths", "numbers", "a picture", "a picture behind paths"],
)
def test_what_would_hardly_shrink_is_left_as_it_is(value: Any) -> None:
    data = pack(value)
    assert shrunk(data) is data


def test_a_little_that_would_become_very_much_is_refused_before_it_does() -> None:
    press = zlib.compressobj()
    bomb = b"".join((b"\xc1", *(press.compress(bytes(2**20)) for _ in range(64)), press.flush()))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError, match="they become more than 1,048,576"):
            unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * RESULT_LIMIT
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: data[:1],
        lambda data: data + b"x",
        lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
        lambda data: b"\xc1" + data,
        lambda _data: b"\xc1" + zlib.compress(b"\x91" * 100 + b"\xc0"),
    ],
    ids=["cut off", "mostly gone", "all gone", "trailing", "a bit", "twice", "too deep"],
)
def test_damage_to_what_is_shrunk_is_seen(damage: Any) -> None:
    with pytest.raises(PayloadError, match="stored bytes cannot be read"):
        unpack(damage(shrunk(pack(PATHS))))
