"""What the store holds of one job, read back: its state, its history, and all of it as a ``Job``."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from junmai_jobs import codec
from junmai_jobs.errors import PayloadError
from junmai_jobs.job import DEFAULT_MAX_RETRIES, WAITING, Body, Call, Job, Status, iso, time_in_id
from junmai_jobs.lanes import needs_of, queue_of
from junmai_jobs.replies import json_object, json_of, lane_names, text_of, whole
from junmai_jobs.template import Header

BAND_WIDTH = 2**42
_LATEST = 10**16  # ms
_WORDS = "|".join("ready" if status is Status.QUEUED else status for status in Status)
_STATE = re.compile(
    rf"({_WORDS})\|([^|]*)\|(\d{{0,17}})\|(\d{{0,20}})\|(\d{{1,9}})\|(\d{{1,9}})\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)".encode(),
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class State:
    """A job's state as lua/lib/state.lua writes it."""

    word: str
    queue: str
    score: str
    token: str
    failures: int
    crashes: int
    claimer: str
    request: str
    holds: str
    note: str

    @property
    def band(self) -> int:
        """10 less its priority; 5 where that is not kept."""
        return int(self.score) // BAND_WIDTH if self.score else 5

    @classmethod
    def parse(cls, text: bytes | None) -> State | None:
        """Read the stored form; None if there is none, or it cannot be read."""
        if (found := _STATE.fullmatch(text or b"")) is None:
            return None
        word, queue, score, token, failures, crashes, *rest = map(text_of, found.groups())
        return cls(word, queue, score, token, int(failures), int(crashes), *rest)


@dataclass(frozen=True, slots=True)
class Record:
    """What the hashes hold of one job."""

    id: str
    body: Body | None
    state: State | None
    result: bytes | None
    history: bytes
    note: bytes | None
    lines: bytes | None = None
    """Of its log."""
    header: Header | None = None
    """Of a body that cannot be read, as that of a newer version."""

    @property
    def lane(self) -> str:
        """The lane whose sets hold it."""
        if self.state is not None:
            return self.state.queue
        if self.body is not None:
            return self.body.lane
        return next(iter(lane_names([self.header.lane.encode()] if self.header else [])), "default")

    def as_job(self, score: Any) -> Job:
        """All of it; ``score`` is that of its home, in milliseconds, or None."""
        body, state = self.body, self.state
        moment = None if score is None else float(score) / 1000
        status = self._status(moment)
        history = list(self._history(moment, status))
        last = history[-1] if history else {}
        return Job(
            id=self.id,
            task=body.task if body else "(unreadable)",
            queue=queue_of(self.lane),
            priority=self._priority(),
            status=status,
            args=body.args if body else (),
            kwargs=body.kwargs if body else {},
            attempt=self._attempt(status),
            max_retries=_max_retries(body),
            retry_count=state.failures if state else 0,
            created_at=_iso(created_at(self.id, body)),
            started_at=iso(int(state.token) / 1e6) if state and state.token else last.get("started_at"),
            finished_at=_iso(moment) if status.finished else None,
            run_at=_iso(moment) if status in {Status.SCHEDULED, Status.RETRYING} else None,
            worker=(state.claimer if state else None) or None,
            progress=json_object(self.note or b"") or None,
            result=_result(self.result),
            reason=self._reason(status, last),
            error=self._error(status, last),
            history=history,
            log=_log(self.lines or b""),
            tags=_tags(body),
            token=(state.token if state else None) or None,
        )

    def _status(self, due: float | None) -> Status:
        if self.state is not None:
            return Status.of_word(self.state.word)
        return Status.QUEUED if due is None else Status.SCHEDULED

    def _priority(self) -> int:
        if self.state is not None and self.state.score:
            return 10 - self.state.band
        header = self.body or self.header
        return header.priority if header else 5

    def _attempt(self, status: Status) -> int:
        state = self.state
        if state is None or not state.claimer:
            return 0
        return max(1, state.failures) if status in WAITING else state.failures + 1

    def _reason(self, status: Status, last: dict[str, Any]) -> str | None:
        if status is Status.SCHEDULED:
            return last.get("reason")
        if status is Status.BLOCKED and self.state and self.state.holds:
            return f"it waits for room in the limit {self.state.holds}"
        return (self.state.note if self.state and status.finished else None) or None

    def _error(self, status: Status, last: dict[str, Any]) -> dict[str, Any] | None:
        if status not in {Status.FAILED, Status.RETRYING}:
            return None
        if last.get("error"):
            return dict(last["error"])
        if self.state and self.state.note == "corrupt_record":
            return {"type": "CorruptRecord", "message": "the stored record cannot be read", "traceback": ""}
        cause = last.get("signal") or (last.get("exit_code") is not None and f"exit code {last['exit_code']}")
        message = f"its worker died while running it ({cause or 'no sign of life'})"
        return {"type": "WorkerLost", "message": message, "traceback": ""}

    def _history(self, finished: float | None, status: Status) -> Iterator[dict[str, Any]]:
        for run in past_runs(self.history):
            yield _entry(run.attempt, run.event, run.token, run.ended / 1000, run.worker, run.detail)
        if status is Status.SUCCEEDED and self.state and finished is not None:
            state = self.state
            yield _entry(state.failures + 1, "succeeded", state.token, finished, state.claimer, {})


class PastRun(NamedTuple):
    """A run that did not succeed, as lua/lib/history.lua writes it down."""

    attempt: int
    event: str
    token: str
    ended: int
    """ms since 1970."""
    worker: str
    detail: dict[str, Any]


def past_runs(history: bytes) -> Iterator[PastRun]:
    """The runs of which a job's history tells, oldest first."""
    for line in history.splitlines() if len(history) <= codec.RESULT_LIMIT else ():
        match json_of(line):
            case {
                "attempt": int(attempt), "event": str(event), "token": str(token),
                "finished": int(ended), "worker": str(worker), "detail": dict(detail),
            } if abs(ended) < _LATEST:  # fmt: skip
                yield PastRun(attempt, event, token, ended, worker, detail)


def _entry(  # noqa: PLR0917 - in the order of the stored line
    attempt: int, event: str, token: str, finished: float, worker: str, detail: dict[str, Any]
) -> dict[str, Any]:
    started = whole(token)
    return {
        "attempt": attempt,
        "event": event,
        "started_at": None if started is None else iso(started / 1e6),
        "finished_at": iso(finished),
        "worker": worker or None,
        "error": _error_of(detail),
        "signal": detail.get("signal"),
        "exit_code": detail.get("exit_code"),
        "how": _text_in(detail, "how"),
        "reason": _text_in(detail, "reason"),
    }


def _error_of(detail: dict[str, Any]) -> dict[str, Any] | None:
    error = detail.get("error")
    if not isinstance(error, dict):
        return None
    return {name: str(error.get(name, "")) for name in ("type", "message", "traceback")}


def _text_in(detail: dict[str, Any], name: str) -> str | None:
    text = detail.get(name)
    return text if isinstance(text, str) and text else None


def _max_retries(body: Body | None) -> int:
    match body.options.get("retry") if body else None:
        case [int(most), *_]:
            return most
    return DEFAULT_MAX_RETRIES


def _tags(body: Body | None) -> Sequence[str]:
    tags = body.options.get("tags") if body else None
    return tags if isinstance(tags, list) else ()


def _log(data: bytes) -> list[str]:
    """What lua/log.lua keeps: after a line of its own, lines of time (ms) and text."""
    if len(data) > codec.RESULT_LIMIT:
        return []
    lines = (line.partition(" ") for line in text_of(data).split("\n")[1:-1])
    return [f"{iso(at / 1000)} {text}" for time, _, text in lines if (at := whole(time)) is not None]


def _result(data: bytes | None) -> Any:
    """For people: a list of jobs must not fail for one of them."""
    try:
        return None if data is None else codec.unpack(data)
    except PayloadError:
        return "(unreadable)"


def read_body(data: bytes) -> Body | None:
    """The body, or None if this version cannot read it."""
    try:
        return Body.decode(data)
    except PayloadError:
        return None


def is_legible(data: bytes) -> bool:
    """Whether ``read_body`` can read it: the lines that many share are looked at once."""
    try:
        Call.decode(data)
    except PayloadError:
        return False
    return _is_header(data[: data.index(b"\n") + 1])


@functools.lru_cache(maxsize=1024)
def _is_header(line: bytes) -> bool:
    header = Header.read(line)
    try:
        return header is not None and needs_of(header.lane) is not None
    except ValueError:
        return False


def created_at(job_id: str, body: Body | None) -> float | None:
    """When the job was submitted, in seconds since 1970, as far as it is known."""
    if body is not None and body.created is not None:
        return body.created
    return time_in_id(job_id)


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
