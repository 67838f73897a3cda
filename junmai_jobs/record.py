"""What the store holds of one job, read back: its state, its history, and all of it as a ``Job``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from junmai_jobs import codec
from junmai_jobs.errors import PayloadError
from junmai_jobs.job import DEFAULT_MAX_RETRIES, WAITING, Body, Job, Status, iso, time_in_id
from junmai_jobs.lanes import queue_of
from junmai_jobs.replies import json_of, text_of

BAND_WIDTH = 2**42


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

    @classmethod
    def parse(cls, text: bytes | None) -> State | None:
        """Read the stored form; None if there is none, or it cannot be read."""
        try:
            word, queue, score, token, failures, crashes, claimer, request, holds, note = (
                (text or b"").decode().split("|", 9)
            )
            return cls(word, queue, score, token, int(failures), int(crashes), claimer, request, holds, note)
        except ValueError:
            return None


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

    @property
    def lane(self) -> str:
        """The lane whose sets hold it."""
        if self.state is not None:
            return self.state.queue
        return self.body.lane if self.body else "default"

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
            max_retries=body.options.get("retry", [DEFAULT_MAX_RETRIES])[0] if body else DEFAULT_MAX_RETRIES,
            retry_count=state.failures if state else 0,
            created_at=_iso(created_at(self.id, body)),
            started_at=iso(int(state.token) / 1e6) if state and state.token else last.get("started_at"),
            finished_at=_iso(moment) if status.finished else None,
            run_at=_iso(moment) if status in {Status.SCHEDULED, Status.RETRYING} else None,
            worker=(state.claimer if state else None) or None,
            progress=json_of(self.note) if self.note else None,
            result=_result(self.result),
            reason=self._reason(status, last),
            error=self._error(status, last),
            history=history,
            log=_log(self.lines or b""),
            tags=body.options.get("tags", ()) if body else (),
            token=(state.token if state else None) or None,
        )

    def _status(self, due: float | None) -> Status:
        if self.state is not None:
            return Status.of_word(self.state.word)
        return Status.QUEUED if due is None else Status.SCHEDULED

    def _priority(self) -> int:
        if self.state is not None and self.state.score:
            return 10 - int(self.state.score) // BAND_WIDTH
        return self.body.priority if self.body else 5

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
        for line in self.history.splitlines():
            entry = json_of(line)
            if isinstance(entry, dict) and entry.keys() >= _LINE:
                yield _entry(
                    entry["attempt"],
                    entry["event"],
                    entry["token"],
                    entry["finished"] / 1000,
                    entry["worker"],
                    entry["detail"],
                )
        if status is Status.SUCCEEDED and self.state and finished is not None:
            state = self.state
            yield _entry(state.failures + 1, "succeeded", state.token, finished, state.claimer, {})


_LINE = {"attempt", "event", "token", "finished", "worker", "detail"}


def _entry(  # noqa: PLR0917 - in the order of the stored line
    attempt: int, event: str, token: str, finished: float, worker: str, detail: dict[str, Any]
) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "event": event,
        "started_at": iso(int(token) / 1e6) if token else None,
        "finished_at": iso(finished),
        "worker": worker or None,
        "error": detail.get("error"),
        "signal": detail.get("signal"),
        "exit_code": detail.get("exit_code"),
        **({"reason": detail["reason"]} if detail.get("reason") else {}),
    }


def _log(data: bytes) -> list[str]:
    """What lua/log.lua keeps: after a line of its own, lines of time (ms) and text."""
    lines = (line.partition(" ") for line in text_of(data).split("\n")[1:-1])
    return [f"{iso(int(time) / 1000)} {text}" for time, _, text in lines if time.isdecimal()]


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


def created_at(job_id: str, body: Body | None) -> float | None:
    """When the job was submitted, in seconds since 1970, as far as it is known."""
    if body is not None and body.created is not None:
        return body.created
    return time_in_id(job_id)


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
