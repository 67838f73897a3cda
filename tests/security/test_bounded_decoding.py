"""Whatever lies in the store, reading it takes little memory and little time, and it is refused or shown."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import codec
from junmai_jobs.errors import PayloadError
from junmai_jobs.job import Body, Call
from junmai_jobs.record import Record, State, read_body
from junmai_jobs.replies import json_object
from junmai_jobs.schedule import Schedule
from tests.bad_inputs.corpus import ARGUMENTS, DEEP, array, body, packed, with_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess

MOST_MEMORY = 64 * 1024 * 1024
MOST_SECONDS = 5.0
"""Of this process alone: what else the machine does is not counted."""
MILLION = 10**6
BOMBS = {
    **ARGUMENTS,
    "a million empty lists": array(b"\x90", MILLION),
    "a million nothings": array(b"\xc0", 10 * MILLION),
    "dates": array(b"\xd7\x0120260101", MILLION),
    "places": array(b"\xd4\x03a", MILLION // 3),
    "claims in claims": b"\xdd\x00\x0f\xff\xff" * 200_000,
    "dicts that claim": b"\xdf\x00\x0f\xff\xff\xa1a" * 100_000,
    "claims that are almost kept": b"\xdc\xff\xff" * 60 + b"\xc0" * MILLION,
    "lists in lists, a thousand times": array(b"\x91" * 100 + b"\xc0", 1000),
    "ten megabytes of text": b"\xdb" + (10 * MILLION).to_bytes(4) + b"x" * 10 * MILLION,
    "two values": b"\x01" * MILLION,
    "one byte too many": packed("fine") + b"\x00",
}
TEXTS = {
    "deep": b"[" * 100_000,
    "deep but whole": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    "a million empty objects": b"[" + b"{}," * MILLION + b"{}]",
    "a number of 5,000 digits": b'{"attempt":' + b"9" * 5000 + b"}",
    "ten megabytes": json.dumps({"message": "x" * 10 * MILLION}).encode(),
    "no UTF-8": b'{"message":"\xff"}',
    "no object": b"[1]",
}
"""JSON, as histories, progress and what workers say of themselves are."""


def high_water_mark() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def modest(do: Callable[[], Any]) -> Any:
    """Do it, and see how much memory that took at its peak, and how much time of the processor."""
    mark = Path("/proc/self/clear_refs")
    if sys.platform == "linux":
        mark.write_text("5", encoding="ascii")
    before, began = high_water_mark() if sys.platform == "linux" else 0, time.process_time()
    done = do()
    assert time.process_time() - began < MOST_SECONDS
    if sys.platform == "linux":
        assert high_water_mark() - before < MOST_MEMORY
    return done


def refused(do: Callable[[], Any]) -> bool:
    try:
        do()
    except PayloadError:
        return True
    return False


@pytest.mark.parametrize("name", BOMBS)
def test_a_result_or_a_checkpoint(name: str) -> None:
    assert modest(lambda: refused(lambda: codec.unpack(BOMBS[name])))


@pytest.mark.parametrize("name", ["ten million empty dicts", "a claim of 4 billion", "deep", "a key twice"])
def test_so_is_what_holds_one(name: str) -> None:
    data = with_args(BOMBS[name])
    assert modest(lambda: refused(lambda: Call.decode(data)))
    assert modest(lambda: read_body(data)) is None
    assert modest(lambda: Schedule.readable("s", BOMBS[name])) is None
    spec = {"body": data, "delay": 0.0, "every": 60, "cron": None, "tz": "UTC", "catch_up": "once"}
    stored = packed(spec | {"in_code": False, "paused": False})
    assert modest(lambda: refused(lambda: Schedule.decode("s", stored).as_dict()))
    record = Record("a", None, None, BOMBS[name], b"", None)
    assert modest(lambda: record.as_job(None)).result == "(unreadable)"


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_told_in_json(name: str) -> None:
    text = TEXTS[name]
    assert (
        modest(lambda: json_object(text)) in ({}, {"message": "\N{REPLACEMENT CHARACTER}"})
        or "number" in name
    )
    line = (
        b'{"attempt":1,"event":"failed","token":"1","finished":1,"worker":"w","detail":{"error":%b}}\n' % text
    )
    record = Record(
        "a", None, State.parse(b"failed|default|1|1|0|0|w|||"), None, line * 3, text, b"1 1\n" + text
    )
    job = modest(lambda: record.as_job(1.0))
    json.dumps(codec.as_json(job.as_dict()))
    assert {entry["error"] for entry in job.history} <= {None} or name == "no object"


def test_a_long_history_and_a_long_log_are_left_out() -> None:
    line = b'{"attempt":1,"event":"failed","token":"1","finished":1,"worker":"w","detail":{}}\n'
    record = Record("a", None, None, None, line * 100_000, None, b"1 1\n" + b"1 x\n" * 5_000_000)
    job = modest(lambda: record.as_job(None))
    assert (job.history, job.log) == ([], [])


LIMITS: dict[str, Any] = {
    "the deepest": lambda: [*_nested(codec.DEPTH_LIMIT - 1)],
    "the longest": lambda: b"x" * (codec.RESULT_LIMIT - 5),
    "the most parts": lambda: [[]] * (codec.PAYLOAD_LIMIT - 1),
    "the most numbers": lambda: [1] * (codec.RESULT_LIMIT - 5),
}


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth else []


@pytest.mark.parametrize("name", LIMITS)
def test_what_may_be_stored_can_be_read(name: str) -> None:
    value = LIMITS[name]()
    assert codec.unpack(codec.pack(value, limit=codec.RESULT_LIMIT)) == value


def test_what_could_not_be_read_is_not_stored() -> None:
    with pytest.raises(PayloadError, match="the result cannot be stored: there are more than 262,144 lists"):
        codec.pack([[]] * codec.PAYLOAD_LIMIT, limit=codec.RESULT_LIMIT, place="the result")


def test_a_job_with_the_most_parents_of_the_longest_names_can_be_read() -> None:
    after = " ".join(["continue+=" + "x" * 128] * 20_000)
    arguments = [b"x" * (codec.PAYLOAD_LIMIT - 100)]
    stored = Body(queue="q", priority=1, task="t", args=arguments, options={"after": after}).encode()
    assert Body.decode(stored).options == {"after": after}


def test_a_list_goes_on_past_all_of_it(jobs: JobQueue, redis_server: RedisProcess) -> None:
    keys = jobs.inspector.keys
    bodies = {f"b{number}": with_args(data) for number, data in enumerate(ARGUMENTS.values())}
    with redis_server.client() as admin:
        for job_id, data in bodies.items():
            admin.hset(keys.bodies, job_id, data)
            admin.zadd(keys.queue("default", "ready"), {job_id: 1})
            admin.hset(keys.results, job_id, DEEP)
            admin.hset(keys.histories, job_id, TEXTS["deep"])
            admin.hset(keys.progress_notes, job_id, TEXTS["deep but whole"])
        admin.zadd(keys.queues, {"default": 1})
        admin.hset(keys.bodies, "good", body("quick"))
        admin.zadd(keys.queue("default", "ready"), {"good": 2})
        found = jobs.jobs(limit=100)
        assert {job.id: job.task for job in found} == dict.fromkeys(bodies, "(unreadable)") | {
            "good": "quick"
        }
        json.dumps([codec.as_json(job.as_dict()) for job in found])
