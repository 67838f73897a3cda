"""The runs of jobs as a trace in Chrome's Trace Event Format, which Perfetto and chrome://tracing show.

It is made of what the jobs' own histories tell, so it does not matter who ran them, or whether that one still
lives. A row of the first process is a queue, with what was submitted to it; every other process is a worker,
and a row of that a slot. An arrow leads from a submission to the run, and on to the next of the same job.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from junmai_jobs.errors import OptionError
from junmai_jobs.files import aside, may_become, private, put_in_place
from junmai_jobs.job import Job, Status

Event = dict[str, Any]
_HEAD = b'{"displayTimeUnit":"ms","otherData":{"producer":"junmai-jobs"'
_QUEUES = "queues"
_MILLISECOND = 1000  # µs, as all times here
_BAD = frozenset({"failed", "crashed", "lost"})
_COLOURS = {"failed": "terrible", "crashed": "terrible", "lost": "terrible", "cancelled": "grey"}
_MOST_NAMED = 20


class Run(NamedTuple):
    """One run of a job, as the timeline needs it."""

    begin: int
    end: int | None
    """None: it has not ended."""
    worker: str
    slot: str
    outcome: str
    attempt: int
    why: str


class Story(NamedTuple):
    """What a trace tells of one job."""

    id: str
    task: str
    queue: str
    priority: int
    created: int
    ended: int | None
    runs: Sequence[Run]
    about: Mapping[str, object]


class Place(NamedTuple):
    """A row: of which process it is, and what it is called there."""

    process: str
    row: str

    @property
    def process_name(self) -> str:
        """For a person."""
        return self.process if self.process == _QUEUES else f"worker {self.process}"

    @property
    def row_name(self) -> str:
        """For a person."""
        return self.row if self.process == _QUEUES else f"slot {self.row}"


def trace_of(
    jobs: Iterable[Job], about: Callable[[Job], Mapping[str, object]] = lambda _job: {}
) -> dict[str, Any]:
    """The trace of these jobs, as JSON has it.

    Args:
        jobs: in any order; of each nothing is kept but its times.
        about: what else the arguments of its runs are to say of a job.
    """
    stories = _one_after_another([_story(job, about(job)) for job in jobs])
    places = sorted({place for story in stories for place in _places(story)}, key=_rank)
    rows = {place: number for number, place in enumerate(places, 1)}
    processes = {
        name: number for number, name in enumerate(dict.fromkeys(each.process for each in places), 1)
    }

    def at(place: Place) -> Event:
        return {"pid": processes[place.process], "tid": rows[place]}

    told = [
        *(at(place) | event for place, event in _submissions(stories)),
        *(at(place) | event for story in stories for place, event in _of_runs(story)),
        *(at(place) | event for place, event in _arrows(stories)),
        *(at(places[0]) | event for event in _counts(stories)),
    ]
    told.sort(key=lambda event: event["ts"])  # stable: an arrow follows the run that it leads to
    firsts = {place.process: place for place in reversed(places)}
    names = [
        *(_named("process", place.process_name, at(place), "pid") for place in firsts.values()),
        *(_named("thread", place.row_name, at(place), "tid") for place in places),
    ]
    return {
        "displayTimeUnit": "ms",
        "otherData": {"producer": "junmai-jobs", "jobs": len(stories)},
        "traceEvents": [*chain.from_iterable(names), *told],
    }


def checked_file(file: Path) -> Path:
    """The whole path of a file that may become a trace.

    Raises:
        OptionError: it may not: no folder is there that can be written in, or something that is no trace.
    """
    if not file.parent.is_dir():
        raise OptionError(f"the folder of {file} is not there: make it first")
    if not may_become(file, _HEAD):
        raise OptionError(f"{file} is there and no trace: choose another name")
    try:
        with aside(file) as made:
            open(made, "xb", opener=private).close()
    except OSError as error:
        raise OptionError(f"{file} cannot be written: {error.strerror or error}; choose another") from None
    return file.absolute()


def write(file: Path, trace: Mapping[str, Any]) -> None:
    """Write a trace, in one step and for this user alone.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    with aside(file) as made:
        with open(made, "xb", opener=private) as written:
            written.write(json.dumps(trace, separators=(",", ":")).encode())
        put_in_place(made, file)


def _story(job: Job, about: Mapping[str, object]) -> Story:
    runs = [
        Run(began, _time(run["finished_at"]), *_who(run["worker"]), run["event"], run["attempt"], _why(run))
        for run in job.history
        if run["worker"] and (began := _time(run["started_at"])) is not None
    ]
    if job.status is Status.RUNNING and job.worker and (began := _time(job.started_at)) is not None:
        runs.append(Run(began, None, *_who(job.worker), "running", job.attempt, ""))
    known = [time for time in (_time(job.created_at), *(run.begin for run in runs)) if time is not None]
    return Story(
        job.id, job.task, job.queue, job.priority, min(known, default=0), _time(job.finished_at), runs, about
    )


def _one_after_another(stories: Sequence[Story]) -> list[Story]:
    """What a slot claims ahead it runs later: a run begins when the one before it in its slot has ended."""
    begins: dict[tuple[int, int], Run] = {}
    free: dict[tuple[str, str], int] = {}
    numbered = [
        (run, story, place) for story, told in enumerate(stories) for place, run in enumerate(told.runs)
    ]
    for run, story, place in sorted(numbered, key=lambda each: (each[0].end is None, each[0].end or 0)):
        begin = max(run.begin, free.get((run.worker, run.slot), 0))
        end = None if run.end is None else max(run.end, begin + 1)
        free[run.worker, run.slot] = begin if end is None else end
        begins[story, place] = run._replace(begin=begin, end=end)
    return [
        told._replace(runs=[begins[story, place] for place in range(len(told.runs))])
        for story, told in enumerate(stories)
    ]


def _places(story: Story) -> Iterator[Place]:
    yield Place(_QUEUES, story.queue)
    yield from (Place(run.worker, run.slot) for run in story.runs)


def _rank(place: Place) -> tuple[bool, str, int, str]:
    return (
        place.process != _QUEUES,
        place.process,
        len(place.row) if place.process != _QUEUES else 0,
        place.row,
    )


def _named(what: str, name: str, at: Event, number: str) -> Iterator[Event]:
    yield {"ph": "M", "name": f"{what}_name", **at, "args": {"name": name}}
    yield {"ph": "M", "name": f"{what}_sort_index", **at, "args": {"sort_index": at[number]}}


def _submissions(stories: Iterable[Story]) -> Iterator[tuple[Place, Event]]:
    """What was submitted within a millisecond, in one piece of a millisecond."""
    at_once: dict[tuple[str, int], list[str]] = {}
    for story in stories:
        at_once.setdefault((story.queue, story.created), []).append(story.id)
    for (queue, created), ids in at_once.items():
        name = f"{len(ids)} submitted"
        args = {"jobs": len(ids), "ids": ids[:_MOST_NAMED]}
        told = {
            "ph": "X",
            "name": name,
            "cat": "submission",
            "ts": created,
            "dur": _MILLISECOND,
            "args": args,
        }
        yield Place(_QUEUES, queue), told


def _of_runs(story: Story) -> Iterator[tuple[Place, Event]]:
    since = story.created
    for run in story.runs:
        place = Place(run.worker, run.slot)
        args = {
            "id": story.id, "task": story.task, **story.about, "attempt": run.attempt, "outcome": run.outcome,
            "queue": story.queue, "priority": story.priority, "waited_s": max(0, run.begin - since) / 1e6,
        }  # fmt: skip
        told: Event = {"name": story.task, "cat": run.outcome, "ts": run.begin}
        told["args"] = args | ({"why": run.why} if run.why else {})
        if run.outcome in _COLOURS:
            told["cname"] = _COLOURS[run.outcome]
        if run.end is None:
            yield place, {"ph": "B", **told}
            continue
        yield place, {"ph": "X", **told, "dur": run.end - run.begin}
        since = run.end
        if run.outcome in _BAD:
            name = f"{run.outcome}: {run.why}" if run.why else run.outcome
            yield place, {"ph": "i", "s": "t", "name": name, "cat": "failure", "ts": run.end, "args": args}


def _arrows(stories: Iterable[Story]) -> Iterator[tuple[Place, Event]]:
    for number, story in enumerate(stories, 1):
        common = {"name": "job", "cat": "job", "id": number}
        if story.runs:
            yield Place(_QUEUES, story.queue), {"ph": "s", **common, "ts": story.created}
        for position, run in enumerate(story.runs, 1):
            is_last = position == len(story.runs)
            end = {"ph": "f", "bp": "e"} if is_last else {"ph": "t"}
            yield Place(run.worker, run.slot), {**end, **common, "ts": run.begin}


def _counts(stories: Iterable[Story]) -> Iterator[Event]:
    """How many waited and ran, whenever that changes."""
    changes: dict[int, Counter[str]] = {}

    def change(time: int, what: str, by: int) -> None:
        changes.setdefault(time, Counter())[what] += by

    for story in stories:
        change(story.created, "waiting", 1)
        for run in story.runs:
            change(run.begin, "waiting", -1)
            change(run.begin, "running", 1)
            if run.end is not None:
                change(run.end, "running", -1)
                change(run.end, "waiting", 1)
        if story.ended is not None:
            last = story.runs[-1].end if story.runs else None
            change(max(story.ended, last or 0), "waiting", -1)
    now: Counter[str] = Counter()
    for time in sorted(changes):
        now.update(changes[time])
        args = {"running": now["running"], "waiting": now["waiting"]}
        yield {"ph": "C", "name": "jobs", "cat": "jobs", "ts": time, "args": args}


def _who(claimer: str) -> tuple[str, str]:
    worker, _, slot = claimer.rpartition("/")
    return worker, slot


def _why(run: Mapping[str, Any]) -> str:
    if run["error"]:
        return f"{run['error']['type'].rpartition('.')[2]}: {run['error']['message']}"
    cause = run["signal"] or run["reason"] or run["how"]
    return str(cause or ("" if run["exit_code"] is None else f"exit code {run['exit_code']}"))


def _time(iso: str | None) -> int | None:
    """µs since 1970."""
    return None if iso is None else round(datetime.fromisoformat(iso).timestamp() * 1000) * _MILLISECOND
