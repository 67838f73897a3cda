from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs.errors import OptionError, PayloadError
from junmai_jobs.job import Body, Job, Priority, Status, check_id, check_name, iso, new_id, time_in_id
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES

PLAIN = Body(queue="default", priority=5, task="noop")
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
bodies = st.builds(
    Body,
    queue=names,
    priority=st.integers(0, 10),
    task=names,
    args=st.lists(st.integers(0, 9) | st.text("a|\n\x00\u2603"), max_size=3),
    kwargs=st.dictionaries(st.text("abc", min_size=1), st.booleans(), max_size=3),
    options=st.dictionaries(st.sampled_from(["timeout", "tags"]), st.integers(1, 9)),
)

# ---- ids -----------------------------------------------------------------------------------------


def test_a_new_id_is_22_characters_and_unlike_any_other() -> None:
    ids = [new_id() for _ in range(1000)]
    assert all(re.fullmatch(r"[0-9a-v]{22}", job_id) for job_id in ids)
    assert len(set(ids)) == 1000


def test_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for moment in (0, 1, 1_000, 1_795_000_000_000, 1_795_000_000_001, 2**48 - 1):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment * 1_000_000)
        made.append(new_id())
        assert time_in_id(made[-1]) == moment / 1000
    assert made == sorted(made)


_FORKS = """
import os, time
from junmai_jobs.job import new_id
new_id()
time.time_ns = lambda: 0
os.write(1, f"{os.fork() > 0} {new_id()} ".encode())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_makes_ids_of_its_own() -> None:
    made = subprocess.check_output([sys.executable, "-c", _FORKS], text=True).split()
    assert set(made[::2]) == {"True", "False"}
    assert made[1] != made[3]


@pytest.mark.parametrize("given_id", ["photo-17", "", "w" * 22, "0" * 21])
def test_an_id_that_was_given_has_no_time_in_it(given_id: str) -> None:
    assert time_in_id(given_id) is None


@pytest.mark.parametrize("good", ["a", "photo:17/export", "A.b_c-D", "x" * 128])
def test_an_id(good: str) -> None:
    assert check_id(good) == good


@pytest.mark.parametrize(
    "bad", ["", "a b", "a\n", "\u00e9", "a|b", "x" * 129, "{a}", None, 7, b"a"], ids=repr
)
def test_not_an_id(bad: object) -> None:
    with pytest.raises(OptionError, match="is not an id: 1 to 128 of"):
        check_id(bad)


@pytest.mark.parametrize("good", ["a", "9", "high_priority", "a.b-c_d", "x" * 128])
def test_a_name(good: str) -> None:
    assert check_name(good, "queue") == good


@pytest.mark.parametrize(
    "bad", ["", "A b", "Default", "_a", "a:b", "{a}", "a*", "a\n", "x" * 129, "\u202ea", None, 7], ids=repr
)
def test_not_a_name(bad: object) -> None:
    with pytest.raises(OptionError, match=r"queue .* is not a name: up to 128 of a-z"):
        check_name(bad, "queue")


# ---- the stored form -----------------------------------------------------------------------------


@given(bodies)
def test_a_body_comes_back(body: Body) -> None:
    back = Body.decode(body.encode())
    assert replace(back, args=[*back.args]) == body


def test_a_plain_job_takes_few_bytes() -> None:
    photo = Body(queue="default", priority=5, task="noop", args=[123_456, "/" + "x" * 79])
    assert len(photo.encode()) <= 124


def test_it_begins_with_a_line_of_text() -> None:
    assert PLAIN.encode() == b"1default|5\n\x91\xa4noop"
    assert PLAIN.encode(stamp=True).startswith(b"1default|5|@|\n")
    assert Body(queue="q", priority=0, task="t", expires=7.5).encode().startswith(b"1q|0|@|7500\n")


GOLDEN = {
    b"1default|5\n\x93\xa4noop\x92\x07\xa4/a/b\x81\xa4size\x03": Body(
        queue="default", priority=5, task="noop", args=[7, "/a/b"], kwargs={"size": 3}
    ),
    b"1night+gpu=1|9\n\x94\xa1t\x90\x80\x81\xa7timeout\x1e": Body(
        queue="night", priority=9, task="t", args=[], options={"timeout": 30}, needs={"gpu": 1.0}
    ),
    b"1q|0|@|7500|b=x;c=k,2\n\x91\xa1t": Body(
        queue="q", priority=0, task="t", expires=7.5, extras={"b": "x", "c": "k,2"}
    ),
}


@pytest.mark.parametrize("stored", GOLDEN, ids=repr)
def test_what_every_version_has_written_is_written_and_read(stored: bytes) -> None:
    body = GOLDEN[stored]
    assert body.encode() == stored
    assert Body.decode(stored) == body


def test_a_large_job_is_of_the_second_version_and_shrunk() -> None:
    large = Body(queue="q", priority=0, task="t", args=["/a/b/c"] * 10_000)
    stored = large.encode()
    assert stored.startswith(b"2q|0\n\xc1")
    assert len(stored) < 1000
    assert Body.decode(stored) == large


def test_where_the_id_is_given_nothing_is_shrunk() -> None:
    # Two of an id are the same if their bytes are, and not every zlib makes the same.
    large = Body(queue="q", priority=0, task="t", args=["/a/b/c"] * 10_000)
    assert large.encode(stamp=True).startswith(b"1q|0|@|\n\x92")


def test_an_expiry_is_never_rounded_to_nothing() -> None:
    assert Body(queue="q", priority=0, task="t", expires=1e-9).encode().startswith(b"1q|0|@|1\n")


def test_the_server_fills_in_when_it_was_submitted() -> None:
    stored = Body.decode(b"1q|0|1795000000123|7500\n\x91\xa1t")
    assert (stored.created, stored.expires) == (1_795_000_000.123, 7.5)
    assert Body.decode(b"1q|0|1795000000123|\n\x91\xa1t").expires is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"3default|5\n\x91\xa4noop",
        b"1default\n\x91\xa4noop",
        b"1default|5\n",
        b"1default|5\n\x90",
        b"1default|5\n\xa4noop",
        b"1default|5\n\x91\x07",
        b"1default|5\n\x91\xa4noo",
        b"1default|5\n\x92\xa4noop\x01",
        b"1default|5\n\x95\xa4noop\x90\x80\x80\xc0",
    ],
    ids=repr,
)
def test_what_is_no_body_is_refused(data: bytes) -> None:
    with pytest.raises(PayloadError):
        Body.decode(data)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"args": [1, {2}]}, r"^args\[1\] is a set"),
        ({"kwargs": {"mask": [object()]}}, r"^kwargs\.mask\[0\] is an object"),
        ({"args": [b"x" * 300 * 1024]}, r"^args takes 307,206 bytes"),
        ({"args": [b"x" * 200_000], "kwargs": {"y": b"x" * 200_000}}, r"^the job takes"),
    ],
    ids=["a set", "an object", "300 KiB", "two halves"],
)
def test_what_cannot_be_stored_is_named(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PayloadError, match=complaint):
        Body(queue="q", priority=0, task="t", **wrong).encode()


# ---- what people see -----------------------------------------------------------------------------


def test_every_home_has_a_status_of_its_own() -> None:
    homes = {status.home for status in Status}
    assert homes == {*QUEUE_HOMES, *FINISHED_HOMES}
    assert len(homes) == len(Status)


def test_three_statuses_are_ends() -> None:
    assert [status for status in Status if status.finished] == ["succeeded", "failed", "cancelled"]


def test_a_word_of_the_store_is_a_status() -> None:
    words = ("ready", "running", "scheduled", "retrying", "blocked", *FINISHED_HOMES)
    assert [Status.of_word(word) for word in words] == ["queued", *words[1:]]


def test_three_priorities_have_a_name() -> None:
    assert (Priority.HIGH, Priority.MEDIUM, Priority.LOW) == (9, 5, 1)


def test_times_are_utc_in_milliseconds() -> None:
    assert iso(1_795_000_000.1234) == "2026-11-18T11:06:40.123Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"


def test_a_job_is_a_document_of_plain_values() -> None:
    fields: dict[str, Any] = dict.fromkeys(Job.__dataclass_fields__)
    document = Job(**(fields | {"id": "a", "status": Status.QUEUED})).as_dict()
    assert document.keys() == fields.keys()
    assert document["status"] == "queued"
