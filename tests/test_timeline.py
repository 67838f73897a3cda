"""Traces: the rules of the Trace Event Format, and what they tell of jobs and of a session."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from junmai_jobs.job import Job, Status, iso
from junmai_jobs.tasks.recording import CATALOG_FILE
from junmai_jobs.timeline import checked_file, trace_of, write
from tests.cataloged import in_queue
from tests.command_line import CommandLine
from tests.in_process import typed
from tests.photo.pictures.raw_files import nef
from tests.photographs import scenes

if TYPE_CHECKING:
    from tests.forks import Forks

START = 1_790_000_000.0
"""Seconds since 1970."""
NEEDED = {
    "X": {"ts", "dur"}, "B": {"ts"}, "i": {"ts", "s"}, "C": {"ts", "args"}, "M": {"args"},
    "s": {"ts", "id", "cat"}, "t": {"ts", "id", "cat"}, "f": {"ts", "id", "cat", "bp"},
}  # fmt: skip
"""The phases that may be used, and what an event of each has beside its name, pid and tid."""
METADATA = {
    "process_name": str, "process_sort_index": int, "thread_name": str, "thread_sort_index": int
}  # fmt: skip


def check(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a trace, which must keep the rules of the format."""
    json.dumps(trace, allow_nan=False)
    assert trace["displayTimeUnit"] in {"ms", "ns"}
    events: list[dict[str, Any]] = trace["traceEvents"]
    for event in events:
        assert NEEDED[event["ph"]] <= event.keys(), event
        assert type(event["pid"]) is type(event["tid"]) is int, event
        assert isinstance(event["name"], str), event
        assert event["ph"] == "M" or (isinstance(event["ts"], (int, float)) and event["ts"] > 0), event
        assert event.get("dur", 1) > 0, event
        assert event.get("s", "t") in {"g", "p", "t"}, event
        assert event.get("bp", "e") == "e", event
        if event["ph"] == "C":
            assert all(type(value) is int and value >= 0 for value in event["args"].values()), event
    _check_names(events)
    _check_slices(events)
    _check_arrows(events)
    return events


def _check_names(events: list[dict[str, Any]]) -> None:
    told = Counter((each["name"], each["pid"], each["tid"]) for each in events if each["ph"] == "M")
    assert set(told.values()) == {1}
    for each in (event for event in events if event["ph"] == "M"):
        [value] = each["args"].values()
        assert type(value) is METADATA[each["name"]]
    rows = {(each["pid"], each["tid"]) for each in events}
    assert {(pid, tid) for name, pid, tid in told if name == "thread_name"} == rows
    processes = [pid for name, pid, _ in told if name == "process_name"]
    assert sorted(processes) == sorted({pid for pid, _ in rows})


def _slices(events: list[dict[str, Any]]) -> dict[tuple[int, int], list[tuple[float, float]]]:
    found: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for each in events:
        if each["ph"] in {"X", "B"}:
            end = each["ts"] + each.get("dur", float("inf"))
            found.setdefault((each["pid"], each["tid"]), []).append((each["ts"], end))
    return found


def _check_slices(events: list[dict[str, Any]]) -> None:
    for spans in _slices(events).values():
        assert all(one[1] <= other[0] for one, other in pairwise(sorted(spans))), (
            "a row does one thing at a time"
        )


def _check_arrows(events: list[dict[str, Any]]) -> None:
    slices, arrows = _slices(events), dict[Any, list[tuple[float, str]]]()
    for each in (event for event in events if event["ph"] in {"s", "t", "f"}):
        spans = slices[each["pid"], each["tid"]]
        assert any(begin <= each["ts"] < end for begin, end in spans), f"{each} is in the air"
        arrows.setdefault((each["cat"], each["name"], each["id"]), []).append((each["ts"], each["ph"]))
    for told in arrows.values():
        phases = "".join(phase for _, phase in told)
        assert phases == "s" + "t" * (len(told) - 2) + "f"
        assert told == sorted(told, key=lambda each: each[0])


def run(event: str, begin: float, end: float, worker: str, attempt: int = 1, **more: Any) -> dict[str, Any]:
    """A run of a history, its times in seconds after ``START``."""
    told = {"attempt": attempt, "event": event, "worker": worker}
    times = {"started_at": iso(START + begin), "finished_at": iso(START + end)}
    return {**told, **times, **dict.fromkeys(("error", "signal", "exit_code", "how", "reason")), **more}


def job(job_id: str, status: Status, created: float, *runs: dict[str, Any], **known: Any) -> Job:
    finished = runs[-1]["finished_at"] if status.finished and runs else None
    more = {"created_at": iso(START + created), "finished_at": finished, "history": runs, **known}
    return in_queue(status, job_id, **more)


DARK = {"type": "studio.TooDark", "message": "no light", "traceback": ""}
STORY = [
    # The second of these was claimed with the first, and run after it.
    job("a", Status.SUCCEEDED, 0, run("succeeded", 1, 2, "north:1:a/0")),
    job("b", Status.SUCCEEDED, 0, run("succeeded", 1, 2.5, "north:1:a/0")),
    job(
        "c", Status.FAILED, 0.2,
        run("crashed", 1, 1.5, "north:1:a/1", signal="SIGSEGV"),
        run("lost", 2, 32, "south:1:b/0"),
        run("failed", 33, 34, "north:1:a/1", error=DARK),
        queue="night",
    ),
    job("d", Status.RUNNING, 3, worker="north:1:a/0", started_at=iso(START + 40)),
    job("e", Status.CANCELLED, 3, finished_at=iso(START + 5)),
    job("f", Status.QUEUED, 3),
    # Submitted by a clock that is ahead; over within a millisecond.
    job("g", Status.SUCCEEDED, 36, run("succeeded", 35, 35, "south:1:b/0")),
]  # fmt: skip


def test_a_trace_keeps_the_rules_and_tells_all_that_the_histories_do() -> None:
    events = check(trace_of(STORY, lambda each: {"photo": f"{each.id}.jpg"}))
    names = {
        (each["pid"], each["tid"] if each["name"] == "thread_name" else 0): each["args"]["name"]
        for each in events
        if each["name"] in {"process_name", "thread_name"}
    }

    def row(event: dict[str, Any]) -> str:
        return f"{names[event['pid'], 0]}, {names[event['pid'], event['tid']]}"

    def seconds(event: dict[str, Any]) -> tuple[float, float | None]:
        length = event["dur"] / 1e6 if "dur" in event else None
        return round(event["ts"] / 1e6 - START, 3), length

    runs = [each for each in events if each["ph"] in {"X", "B"} and each["cat"] != "submission"]
    assert [(row(each), each["args"]["id"], each["cat"], *seconds(each)) for each in runs] == [
        ("worker north:1:a, slot 0", "a", "succeeded", 1, 1),
        ("worker north:1:a, slot 1", "c", "crashed", 1, 0.5),
        ("worker north:1:a, slot 0", "b", "succeeded", 2, 0.5),
        ("worker south:1:b, slot 0", "c", "lost", 2, 30),
        ("worker north:1:a, slot 1", "c", "failed", 33, 1),
        ("worker south:1:b, slot 0", "g", "succeeded", 35, 1e-6),
        ("worker north:1:a, slot 0", "d", "running", 40, None),
    ]
    failed = next(each for each in runs if each["cat"] == "failed")
    assert failed["name"] == "process_photo"
    assert failed["args"] == {
        "id": "c", "task": "process_photo", "photo": "c.jpg", "attempt": 1, "outcome": "failed",
        "queue": "night", "priority": 5, "waited_s": 1.0, "why": "TooDark: no light",
    }  # fmt: skip
    assert [each["name"] for each in events if each["ph"] == "i"] == [
        "crashed: SIGSEGV", "lost", "failed: TooDark: no light"
    ]  # fmt: skip
    submitted = [
        (row(each), each["name"], seconds(each)[0]) for each in events if each.get("cat") == "submission"
    ]
    assert submitted == [
        ("queues, medium_priority", "2 submitted", 0),
        ("queues, night", "1 submitted", 0.2),
        ("queues, medium_priority", "3 submitted", 3),
        ("queues, medium_priority", "1 submitted", 35),
    ]
    counts = {seconds(each)[0]: each["args"] for each in events if each["ph"] == "C"}
    assert counts[1] == {"running": 2, "waiting": 1}
    assert counts[3] == {"running": 1, "waiting": 3}
    assert counts[5] == {"running": 1, "waiting": 2}
    assert counts[40] == {"running": 1, "waiting": 1}


def test_nothing_but_a_trace_is_ever_replaced(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    for _ in range(2):
        write(checked_file(file), trace_of(STORY))
    assert check(json.loads(file.read_text("utf-8")))
    assert file.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [file]
    foreign = tmp_path / "IMG_0001.jpg"
    foreign.write_bytes(b"a photo")
    nowhere = Path("/proc/trace.json")  # a folder that is there, in which nobody can write
    for wrong in (foreign, tmp_path, tmp_path / "away" / "trace.json", nowhere):
        done = typed(tmp_path / "home", "trace", "x", "--output", str(wrong))
        assert (done.exit_code, done.stderr[:6]) == (2, "Error:")
    assert foreign.read_bytes() == b"a photo"
    done = typed(tmp_path / "home", "process", str(tmp_path), "--dry-run", "--trace", str(file))
    assert (done.exit_code, "Error: --dry-run runs no job" in done.stderr) == (2, True)


class Session(NamedTuple):
    """A session that was processed, and how to type another command in its home."""

    home: Path
    shoot: Path
    trace: Path
    exports: Path
    report: dict[str, Any]

    def type(self, *arguments: str) -> Any:
        return typed(self.home, *arguments, JUNMAI_NAMESPACE="traced")

    def ids(self, task: str) -> list[str]:
        return [each["id"] for each in json.loads(self.type("list", "--json", "--task", task).stdout)["jobs"]]


@pytest.fixture(scope="module")
def session(home: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Session:
    folder = tmp_path_factory.mktemp("traced")
    shoot, exports, trace = folder / "shoot", folder / "exports", folder / "trace.json"
    shoot.mkdir()
    nef(shoot / "IMG_0001.NEF", scenes()[3].read_bytes())
    shutil.copy(scenes()[1], shoot / "IMG_0002.jpg")
    (shoot / "IMG_0003.jpg").write_bytes(scenes()[1].read_bytes()[:3000])
    cli = CommandLine(home, folder / "cwd", {"JUNMAI_NAMESPACE": "traced", "JUNMAI_CONCURRENCY": "1"}, forks)
    report = cli.json("process", shoot, "--export", exports, "--no-sheet", "--trace", trace, code=1)
    return Session(home, shoot, trace, exports, report)


def test_a_session_is_traced_and_its_trace_can_be_had_later(session: Session) -> None:
    events = check(json.loads(session.trace.read_text("utf-8")))
    runs = [each for each in events if each["ph"] == "X" and each["cat"] != "submission"]
    works = {each["args"]["photo"]: each for each in runs if each["name"] == "process_photo"}
    assert {name: each["cat"] for name, each in works.items()} == {
        "IMG_0001.NEF": "succeeded", "IMG_0002.jpg": "succeeded", "IMG_0003.jpg": "failed"
    }  # fmt: skip
    kinds = {"group_similar_photos", "apply_preset", "export_photo", "finish_session", "process_photo"}
    assert {each["name"] for each in runs} == kinds
    last = [each for each in events if each["ph"] == "C"][-1]
    assert last["args"] == {"running": 0, "waiting": 0}
    again = session.trace.with_name("again.json")
    done = session.type("trace", str(session.shoot), "--output", str(again), "--json")
    told = json.loads(done.stdout)
    assert told == {"file": str(again), "jobs": len({each["args"]["id"] for each in runs}), "not_kept": 0}
    assert again.read_bytes() == session.trace.read_bytes()
    one = works["IMG_0003.jpg"]["args"]["id"]
    assert session.type("trace", one, "--output", str(again)).exit_code == 0
    [alone] = [each for each in check(json.loads(again.read_text("utf-8"))) if each.get("cat") == "failed"]
    assert alone["args"]["photo"].endswith("shoot/IMG_0003.jpg")
    done = session.type("trace", "nobody", "--output", str(again))
    assert (done.exit_code, done.stderr) == (1, "Error: there is neither a session nor a job nobody\n")
    done = session.type("trace", "x\udce9", "--output", str(again))
    assert (done.exit_code, done.stderr[:39]) == (1, "Error: there is neither a session nor a")
    done = session.type("trace", "", "--output", str(again))
    assert (done.exit_code, done.stderr) == (1, "Error: there is neither a session nor a job ''\n")


def test_a_replay_of_a_photo_task_leaves_catalog_photos_and_exports_alone(session: Session) -> None:
    """What it cannot leave alone it asks about."""

    def everything() -> tuple[list[str], dict[str, bytes]]:
        with closing(sqlite3.connect(session.home / CATALOG_FILE)) as db:
            rows = list(db.iterdump())
        files = [*session.shoot.rglob("*"), *session.exports.rglob("*")]
        return rows, {str(file): file.read_bytes() for file in files if file.is_file()}

    [exported] = session.exports.glob("IMG_0002.*")
    exported.unlink()  # so that it would be made
    before = everything()
    assert str(session.shoot / "IMG_0001.xmp") in before[1]
    ended = []
    for task in ("process_photo", "group_similar_photos", "export_photo"):
        for job_id in session.ids(task):
            found = json.loads(session.type("replay", "--json", job_id).stdout)
            assert not found["differs"], found
            ended.append((task, found["outcome"]))
    assert Counter(ended) == {
        ("process_photo", "succeeded"): 2, ("process_photo", "failed"): 1,
        ("group_similar_photos", "succeeded"): 1,
        ("export_photo", "succeeded"): len(session.ids("export_photo")),
    }  # fmt: skip
    for task in ("apply_preset", "finish_session"):
        done = session.type("replay", session.ids(task)[0])
        assert (done.exit_code, done.stderr) == (2, "Error: this needs --yes where nobody can be asked\n")
    assert everything() == before
