"""Every key of a namespace: the schema. Lua has each under its name here, see ``scripts._key_names``."""

from __future__ import annotations

from typing import NamedTuple

QUEUE_HOMES = ("ready", "scheduled", "retrying", "leases", "blocked")
FINISHED_HOMES = ("succeeded", "failed", "cancelled")


class Keys(NamedTuple):
    """The keys of one namespace, each ``{namespace}:field``: the hash tag keeps them in one cluster slot.

    A job's state is the home that holds its id: five sorted sets per queue, three per namespace.
    """

    bodies: str
    """Hash, id -> body. A job exists while its body does."""
    states: str
    """Hash, id -> state (lua/lib/state.lua), once a claim met it or it finished, or while blocked."""
    meta: str
    """Hash: token and sequence last given, "reaped_at LEASE", aged, listened; last purged, announced,
    unscheduled, learnt; furthest, see enqueue.lua; durable, see disk.py; adopted; cache_bytes, cache_hits and
    cache_misses."""
    paused: str
    """Hash, queue or ``*`` -> 1 (paused) or 0 (goes on although ``*`` is paused)."""
    queues: str
    """Sorted set, all scores 0: every queue that ever had a job, and each of its lanes until it is empty and
    its place is needed."""
    claimers: str
    """Hash, claimer -> its last request and what that gave (lua/lib/claimer.lua)."""
    workers: str
    """Sorted set, worker -> server time (ms) of its last sign of life."""
    worker_info: str
    """Hash, worker -> JSON: host, pid, queues, slots."""
    succeeded: str
    """Sorted set, id -> finish time (ms)."""
    failed: str
    """Sorted set, id -> finish time (ms)."""
    cancelled: str
    """Sorted set, id -> finish time (ms)."""
    results: str
    """Hash, id -> msgpack; no field for a result of None."""
    histories: str
    """Hash, id -> JSON lines, one for each run that did not succeed (lua/lib/history.lua)."""
    progress_notes: str
    """Hash, id -> JSON, the last word of a running job."""
    children: str
    """Sorted set read by name, ``parent child policy``: who waits for whom."""
    parents: str
    """Sorted set read by name, ``child parent``: what a blocked job still awaits."""
    ended: str
    """Sorted set, finished parents whose children are not told yet -> finish time (ms)."""
    needed: str
    """Sorted set read by name, ``parent child``: whose result a job that has not finished yet will read."""
    members: str
    """Sorted set read by name, ``batch id``: the jobs of a batch."""
    uniques: str
    """Hash, unique key -> ``id scope until`` and who ran beside it (lua/lib/unique.lua): who has it."""
    holders: str
    """Sorted set read by name, ``key id`` or ``@pool id amounts``: what runs hold of limits, machines."""
    parked: str
    """Sorted set read by name, ``key score id``: jobs that wait for room in a limit, by their ready score."""
    starts: str
    """Sorted set read by name, ``key microseconds id``: the starts a rate counts."""
    limits_due: str
    """Sorted set, spec of a limit (``key,count`` or ``key,count,ms``) -> when to look again (ms)."""
    schedules: str
    """Hash, name of a schedule -> msgpack (schedule.py)."""
    ticks: str
    """Sorted set, name of a schedule -> its next tick (ms)."""
    checkpoints: str
    """Hash, id -> msgpack, what a run left for the next."""
    suspects: str
    """Hash, ``TASK VERSION DIGEST`` -> runs on that input that killed a process (lua/lib/suspects.lua)."""
    suspected: str
    """Sorted set, the same -> when the last of them died (ms)."""
    cached: str
    """Hash, ``TASK VERSION DIGEST`` -> ``till value``, values that were made before (lua/lib/cached.lua)."""
    cache_uses: str
    """Sorted set, the same -> the token of the run that has made or used it last."""
    observations: str
    """Hash, ``TASK|KIND|DEVICE`` -> what the last runs like that took (estimates.py)."""
    observed: str
    """Sorted set, the same -> when something was last learnt of it (ms)."""
    log_lines: str
    """Hash, id -> text, the last lines a task has written."""
    expiring: str
    """Sorted set, id -> when its result is forgotten (ms)."""
    looked_at: str
    """Sorted set, ``id priority sequence`` of jobs that somebody looked at -> their place for that."""
    ages: str
    """Sorted set, a sequence number -> when it was the last given (ms): how long a place waits."""
    minutes: str
    """Sorted set, ``minute|counts`` -> the minute (s since 1970): a day of history."""
    hours: str
    """Sorted set, the same for 90 days of hours."""
    event_stream: str
    """Stream, at most about 10,000 changes, kept while somebody listens."""
    alarm: str
    """List of at most one ring: a supervisor is needed, something is due or to be resolved."""
    prefix: str
    """Not a key: what all of them begin with, for those that are made from data."""

    @classmethod
    def of(cls, namespace: str) -> Keys:
        """The keys of a namespace."""
        names = ("" if field == "prefix" else field for field in cls._fields)
        return cls(*(f"{{{namespace}}}:{name}" for name in names))

    def queue(self, queue: str, kind: str) -> str:
        """One of a queue's keys; ``kind`` is one of ``QUEUE_HOMES``, or ``bell``."""
        return f"{self.prefix}q:{queue}:{kind}"

    def control(self, worker: str) -> str:
        """The list on which a worker's supervisor blocks."""
        return self.queue(f"@{worker}", "control")

    @property
    def staging(self) -> str:
        """What the names of keys begin with as long as an import has not put them in their place."""
        return f"{self.prefix}import:"
