"""Compare what clients were promised and what runs wrote down with what the store says.

Acknowledged = succeeded + failed + cancelled + waiting, each job in exactly one home. A job fails
if it was to, or if three of its runs were lost. Of a job's runs:

- One token lives at a time: a run begins when the one before it is over, by the store's account.
- Tokens grow.
- Exactly one completion was accepted: state and result are those of the same run, which has ended; and no run
  was forgotten. One that is neither the last nor in the history had been accepted as an end, and then another
  was.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack

from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES, Keys
from junmai_jobs.record import State

if TYPE_CHECKING:
    from tests.chaos.tasks import Line

CRASHES_TO_FAIL = 3
WAITING_HOMES = frozenset(QUEUE_HOMES)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be. ``kind``: lost, doubled, or wrong for a contradiction that cost nothing."""

    kind: str
    job: str
    what: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found."""

    acknowledged: int
    homes: Mapping[str, int]
    """How many acknowledged jobs are in each home, ``waiting`` for all that are not finished."""
    crashed: int
    """Jobs that failed because run after run was lost."""
    events: Mapping[str, int]
    """What the histories tell of runs that did not succeed."""
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings and self.acknowledged == sum(self.homes.values())

    def as_dict(self) -> dict[str, Any]:
        kinds = Counter(finding.kind for finding in self.findings)
        return {
            "acknowledged": self.acknowledged,
            **self.homes,
            "crashed": self.crashed,
            "runs": dict(self.events),
            **{kind: kinds[kind] for kind in ("lost", "doubled", "wrong")},
            "findings": [f"{each.kind}: job {each.job} {each.what}" for each in self.findings[:20]],
        }


@dataclass(frozen=True, slots=True)
class Stored:
    """All the store has of one job."""

    id: str
    exists: bool
    homes: tuple[str, ...]
    state: State | None
    result: Any
    history: tuple[dict[str, Any], ...]

    @property
    def tokens(self) -> list[str]:
        """Of all its runs that the store knows of, in order."""
        told = [entry["token"] for entry in self.history]
        last = self.state.token if self.state else ""
        return told if last in {"", *told[-1:]} else [*told, last]


class Store:
    """A namespace, read whole."""

    def __init__(self, client: Any, namespace: str) -> None:
        self._client, self._keys = client, Keys.of(namespace)
        self._homes: defaultdict[str, list[str]] = defaultdict(list)
        for home in FINISHED_HOMES:
            self._note_home(getattr(self._keys, home), home)
        for queue in client.zrange(self._keys.queues, 0, -1):
            for home in QUEUE_HOMES:
                self._note_home(self._keys.queue(queue.decode(), home), home)
        self._bodies = {key.decode() for key in client.hkeys(self._keys.bodies)}
        self._states = self._hash("states")
        self._results = self._hash("results")
        self._histories = self._hash("histories")

    def _note_home(self, key: str, home: str) -> None:
        for job_id in self._client.zrange(key, 0, -1):
            self._homes[job_id.decode()].append(home)

    def _hash(self, name: str) -> dict[str, bytes]:
        found = self._client.hgetall(getattr(self._keys, name))
        return {key.decode(): value for key, value in found.items()}

    def ids(self) -> set[str]:
        return self._bodies | self._states.keys() | self._homes.keys()

    def job(self, job_id: str) -> Stored:
        state, result = self._states.get(job_id), self._results.get(job_id)
        lines = self._histories.get(job_id, b"").splitlines()
        return Stored(
            job_id,
            job_id in self._bodies,
            tuple(self._homes.get(job_id, ())),
            State.parse(state),
            msgpack.unpackb(result) if result else None,
            tuple(map(json.loads, lines)),
        )


def audit(
    client: Any,
    namespace: str,
    acknowledged: Iterable[str],
    journal: Iterable[Line],
    doomed: Container[str] = (),
) -> Audit:
    """Look at every job of a namespace when nothing moves any more, through a redis-py client.

    The ``doomed`` cannot succeed, the others can.
    """
    store, promised = Store(client, namespace), set(acknowledged)
    runs: defaultdict[str, list[Line]] = defaultdict(list)
    for line in journal:
        runs[line.job].append(line)
    homes, events, crashed = Counter[str](), Counter[str](), 0
    findings: list[Finding] = []
    # One job at a time, so that there is room for hundreds of thousands.
    for job in map(store.job, sorted(promised | store.ids() | runs.keys())):
        found = itertools.chain(_home(job), _end(job, doomed), _runs(job, runs.pop(job.id, [])), _order(job))
        findings += (Finding(kind, job.id, what) for kind, what in found)
        events.update(entry["event"] for entry in job.history)
        crashed += _has_crashed(job)
        if job.id in promised:
            homes.update("waiting" if home in WAITING_HOMES else home for home in job.homes[:1])
    return Audit(
        acknowledged=len(promised),
        homes={name: homes[name] for name in (*FINISHED_HOMES, "waiting")},
        crashed=crashed,
        events=events,
        findings=tuple(findings),
    )


def _has_crashed(job: Stored) -> bool:
    return job.homes == ("failed",) and job.state is not None and job.state.note == "crashed"


def _home(job: Stored) -> Iterator[tuple[str, str]]:
    """One home, and a state that agrees with it."""
    home = next(iter(job.homes), "none")
    if not job.exists or not job.homes:
        yield (
            "lost",
            f"has {'a' if job.exists else 'no'} body and these homes: {', '.join(job.homes) or home}",
        )
    elif len(job.homes) > 1:
        yield "doubled", f"has several homes: {', '.join(job.homes)}"
    elif job.state is None:
        if home not in {"ready", "scheduled"}:
            yield "wrong", f"is in {home} without a state"
    elif job.state.word != {"leases": "running"}.get(home, home):
        yield "wrong", f"is in {home}, its state says {job.state.word}"
    if _has_crashed(job):
        losses = sum(entry["event"] in {"crashed", "lost"} for entry in job.history)
        if losses != CRASHES_TO_FAIL:
            yield "wrong", f"failed as crashed after {losses} losses"


def _end(job: Stored, doomed: Container[str]) -> Iterator[tuple[str, str]]:
    """It failed if it was to, or crashed."""
    if job.homes == ("succeeded",) and job.id in doomed:
        yield "wrong", "was to fail, and succeeded"
    if job.homes == ("failed",) and job.id not in doomed and not _has_crashed(job):
        yield "wrong", "was not to fail, and did"


def _runs(job: Stored, lines: list[Line]) -> Iterator[tuple[str, str]]:
    """The journal's runs are the store's, and the one that counts has ended, once."""
    started = Counter(line.token for line in lines if line.event == "start")
    ended = Counter(line.token for line in lines if line.event == "end")
    for token, times in (started | ended).items():
        if times > 1:
            yield "doubled", f"ran {times} times with token {token}"
        if token not in job.tokens:
            yield "doubled", f"had a run with token {token} that the store forgot"
    if job.homes == ("succeeded",) and job.state is not None:
        if not ended[job.state.token]:
            yield "wrong", f"succeeded with token {job.state.token}, whose run has not ended"
        if job.result != job.state.token:
            yield "wrong", f"has the result of token {job.result}, its state that of {job.state.token}"


def _order(job: Stored) -> Iterator[tuple[str, str]]:
    """Tokens grow, and a run begins when the one before it is over, by the store's account."""
    tokens = [int(token) for token in job.tokens]
    if tokens != sorted(set(tokens)):
        yield "doubled", f"has tokens that do not grow: {tokens}"
    for entry, after in zip(job.history, tokens[1:], strict=False):
        if after // 1000 < entry["finished"]:
            yield "doubled", f"began with token {after} before {entry['token']} was over"
