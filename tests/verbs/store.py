"""A namespace as the tests see it: short words for acting on it, and the whole of it as a value."""

from __future__ import annotations

import itertools
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs.job import Body, Claimed, NewJob
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES, Keys
from junmai_jobs.record import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from junmai_jobs.broker import Broker
    from junmai_jobs.endings import Ending

BAND = 2**42
TENS = BAND // 2
"""From where on places at priority 10 count."""
CLAIMER = "w/1"
ERROR = {"type": "ValueError", "message": "too dark", "traceback": ""}
NEWER_BODY = b"3default|5\nwhatever a later version writes"
_DUE = ("expiring", "ages", "suspected", "cache_uses", "observed")
_TIMES = {*FINISHED_HOMES, "scheduled", "retrying", "leases", "blocked", "ended", "workers", *_DUE}
_JOB_HASHES = ("bodies", "states", "results", "histories", "progress_notes", "checkpoints", "log_lines")
_INDEXES = (
    "needed", "members", "holders", "parked", "starts", "limits_due", "ticks", *_DUE, "minutes", "hours",
    "looked_at",
)  # fmt: skip
_COUNTS = {b"sequence", b"purged", b"cache_bytes", b"cache_hits", b"cache_misses"}
_KINDS = (*QUEUE_HOMES, "bell")


def new_job(
    job_id: str,
    *,
    queue: str = "default",
    priority: int = 5,
    task: str = "noop",
    args: Sequence[object] = (),
    expires: float | None = None,
    after: Sequence[str] = (),
    after_policy: str = "cancel",
    needs: Mapping[str, float] | None = None,
    extras: Mapping[str, str] | None = None,
    **options: Any,
) -> NewJob:
    """A job of that id; ``options`` are the other fields of ``NewJob``."""
    body = Body(
        queue=queue,
        priority=priority,
        task=task,
        args=args,
        expires=expires,
        needs=needs or {},
        extras=extras or {},
    )
    dependencies = " ".join(each if "=" in each else f"{after_policy}={each}" for each in after)
    return NewJob(id=job_id, body=body.encode(), dependencies=dependencies, **options)


@dataclass
class Store:
    """One namespace: ``broker`` acts on it, ``admin`` reads (and in a few tests damages) what it stores."""

    broker: Broker
    admin: Any
    """A redis-py client; the types of its replies would be in the way."""
    namespace: str
    advance: Callable[[float], None]
    """Move the clock by so many seconds."""
    keys: Keys = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.keys = Keys.of(self.namespace)

    # Acting.

    def request(self, generation: int = 1) -> str:
        """A request that no call has had."""
        return f"{generation}.{next(self._numbers)}"

    def add(self, *job_ids: str, **options: Any) -> None:
        """Enqueue jobs in one call, see ``new_job``."""
        self.broker.enqueue([new_job(job_id, **options) for job_id in job_ids])

    def claim(
        self,
        *queues: str,
        claimer: str = CLAIMER,
        generation: int = 1,
        woken: bool = False,
        least: int = 0,
    ) -> Claimed | None:
        """Claim with a new request."""
        request, names = self.request(generation), queues or ("default",)
        return self.broker.claim(claimer, request, names, woken=woken, least=least)

    def claim_ahead(self, most: int, *, claimer: str = CLAIMER, generation: int = 1) -> list[Claimed]:
        """Claim so many at most at once, with a new request."""
        return self.broker.step(claimer, self.request(generation), ["default"], ahead=most).jobs

    def running(self, job_id: str = "a", *, claimer: str = CLAIMER, **options: Any) -> Claimed:
        """A job that was just enqueued and claimed."""
        self.add(job_id, **options)
        job = self.claim(options.get("queue", "default"), claimer=claimer)
        assert job is not None
        assert job.id == job_id
        return job

    def ended(self, job_id: str, how: Ending, **options: Any) -> Claimed:
        """A job that has run and ended so."""
        job = self.running(job_id, claimer="w/ender", **options)
        self.broker.end(job, how)
        return job

    def drain(self, *queues: str) -> list[str]:
        """Claim whatever can be claimed, a new claimer for each: the ids in the order of service."""
        ids = []
        while (job := self.claim(*queues, claimer=f"drain/{next(self._numbers)}")) is not None:
            ids.append(job.id)
        return ids

    def expire(self, *queues: str) -> None:
        """Let every lease run out, reaped in time, and reap."""
        for _ in range(4):
            self.broker.reap(queues or ("default",))
            self.advance(10)
        self.broker.reap(queues or ("default",))

    def call(self, verb: str, *rest: object, **named: object) -> list[Any]:
        """Call a script as it is: its reply word, and what follows."""
        return self.broker._call(verb, *rest, **named)

    def damage(self, job_id: str, body: bytes = b"junk") -> None:
        """Write over a job's body."""
        self.admin.hset(self.keys.bodies, job_id, body)

    def damage_state(self, job_id: str, text: bytes = b"junk") -> None:
        """Write over what is known of a job."""
        self.admin.hset(self.keys.states, job_id, text)

    # Looking.

    def homes(self, job_id: str) -> list[str]:
        """The sorted sets an id is in: ``ready``, or ``night:ready`` in a queue that is not the default."""
        return self.all_homes().get(job_id, [])

    def all_homes(self) -> dict[str, list[str]]:
        """The homes of every id that is in any."""
        return _homes_in(self.exact())

    def line(self, name: str = "ready") -> list[str]:
        """The ids of a home, in the order of their scores."""
        return [member.decode() for member in self.admin.zrange(self._key(name), 0, -1)]

    def score(self, job_id: str, name: str = "ready") -> float:
        """The score of an id in a home."""
        score = self.admin.zscore(self._key(name), job_id)
        assert score is not None
        return float(score)

    def state(self, job_id: str) -> State:
        """What is known of a job that was claimed, or is blocked."""
        state = State.parse(self.admin.hget(self.keys.states, job_id))
        assert state is not None
        return state

    def has_state(self, job_id: str) -> bool:
        return bool(self.admin.hexists(self.keys.states, job_id))

    def history(self, job_id: str) -> list[dict[str, Any]]:
        """What is kept of the runs that did not succeed, oldest first."""
        lines = self.admin.hget(self.keys.histories, job_id) or b""
        return [json.loads(line) for line in lines.splitlines()]

    def events(self, job_id: str) -> list[str]:
        return [entry["event"] for entry in self.history(job_id)]

    def rung(self) -> set[str]:
        """Which bells hold a ring: queues, ``alarm``, and ``@worker``."""
        return {
            name.removesuffix(":bell").removesuffix(":control")
            for name, kind in self._kinds().items()
            if kind == "list"
        }

    def hush(self) -> None:
        """Take every ring that nobody has heard yet."""
        for name, kind in self._kinds().items():
            if kind == "list":
                self.admin.delete(self._key(name))

    def exact(self) -> dict[str, Any]:
        """All that is stored, to the last bit: lists, and dicts in the order of their scores."""
        kinds = self._kinds()
        pipeline = self.admin.pipeline(transaction=False)
        for name, kind in kinds.items():
            if kind == "zset":
                pipeline.zrange(self._key(name), 0, -1, withscores=True)
            elif kind == "hash":
                pipeline.hgetall(self._key(name))
            elif kind == "stream":
                pipeline.xrange(self._key(name))
            else:
                pipeline.lrange(self._key(name), 0, -1)
        return {
            name: dict(content) if kind in {"zset", "stream"} else content
            for (name, kind), content in zip(kinds.items(), pipeline.execute(), strict=True)
        }

    def dump(self) -> dict[str, Any]:
        """All that is stored, without what no two runs have in common: the time, and what is made of it."""
        exact = self.exact()
        tokens = _tokens(exact)
        return {name: _normal(name, content, tokens) for name, content in exact.items()}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens in this block changes nothing."""
        before = self.exact()
        yield
        assert self.exact() == before

    # The laws.

    def audit(self) -> None:
        """Nothing is stored but what should be, each job is in one home, and its state agrees."""
        kinds = self._kinds()
        assert {name: kind for name, kind in kinds.items() if kind != _expected_kind(name)} == {}
        exact = self.exact()
        assert [
            name for name, content in exact.items() if isinstance(content, list) and len(content) > 1
        ] == []
        homes = _homes_in(exact)
        assert {job_id: found for job_id, found in homes.items() if len(found) != 1} == {}, "two homes"
        ids = {name: {job_id.decode() for job_id in exact.get(name, ())} for name in _JOB_HASHES}
        assert homes.keys() == ids["bodies"], "jobs without a home, or the reverse"
        assert {name for name in ids if not ids[name] <= homes.keys()} == set(), "of jobs that do not exist"
        for job_id, text in exact.get("states", {}).items():
            state = State.parse(text)
            assert state, "a state that cannot be read"
            assert homes[job_id.decode()] == [_home_of(state)], "a state that is not true"

    def _kinds(self) -> dict[str, str]:
        """The type of every key, by its name without what all keys of the namespace begin with."""
        prefix = f"{{{self.namespace}}}:"
        keys = sorted(key.decode() for key in self.admin.scan_iter(f"{prefix}*", count=1000))
        pipeline = self.admin.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
        kinds = [kind.decode() for kind in pipeline.execute()]
        names = [key.removeprefix(prefix).removeprefix("q:") for key in keys]
        return dict(zip(names, kinds, strict=True))

    def _key(self, name: str) -> str:
        """The key of a name as the methods above give it."""
        if name in Keys._fields:
            return str(getattr(self.keys, name))
        if name.startswith("@"):
            return self.keys.control(name[1:])
        queue, _, kind = name.rpartition(":")
        return self.keys.queue(queue or "default", kind)


def _homes_in(exact: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, content in exact.items():
        is_home = name in FINISHED_HOMES or name.rpartition(":")[2] in QUEUE_HOMES
        if is_home and not name.startswith("import:"):
            for job_id in content:
                found.setdefault(job_id.decode(), []).append(name.removeprefix("default:"))
    return found


def _home_of(state: State) -> str:
    if state.word in FINISHED_HOMES:
        return state.word
    kind = {"running": "leases"}.get(state.word, state.word)
    return f"{state.queue}:{kind}".removeprefix("default:")


def _expected_kind(name: str) -> str | None:
    name = name.removeprefix("import:").removeprefix("q:")
    if name in {
        "meta",
        "paused",
        "claimers",
        "worker_info",
        "uniques",
        "schedules",
        "observations",
        "suspects",
        "cached",
        *_JOB_HASHES,
    }:
        return "hash"
    if name == "alarm" or name.startswith("@") or name.endswith(":bell"):
        return "list"
    if name in {"queues", "workers", "children", "parents", "ended", *_INDEXES, *FINISHED_HOMES}:
        return "zset"
    if name == "event_stream":
        return "stream"
    return "zset" if name.rpartition(":")[2] in QUEUE_HOMES else None


def _tokens(exact: dict[str, Any]) -> dict[bytes, bytes]:
    """Every fencing token that is stored, in the order of claims, and a short name for it."""
    texts = [text for name in ("states", "claimers", "histories") for text in exact.get(name, {}).values()]
    found = {token for text in texts for token in re.findall(rb"\b\d{16}\b", text)}
    return {token: b"<token %d>" % number for number, token in enumerate(sorted(found), 1)}


def _normal(name: str, content: Any, tokens: dict[bytes, bytes]) -> Any:
    """One key's content without times, and with short names for tokens."""
    if name.rpartition(":")[2] in _TIMES:
        return sorted(content)
    if name in {"minutes", "hours"}:
        return [row.partition(b"|")[2] for row in content]
    if name == "event_stream":
        return list(content.values())
    if not isinstance(content, dict):
        return content
    if name == "meta":
        return {field: value for field, value in content.items() if field in _COUNTS}
    return {field: _without_times(value, tokens) for field, value in content.items()}


def _without_times(value: Any, tokens: dict[bytes, bytes]) -> Any:
    if not isinstance(value, bytes):
        return value
    for token, short in tokens.items():
        value = value.replace(token, short)
    return re.sub(rb"\b\d{13}\b", b"<time>", value)
