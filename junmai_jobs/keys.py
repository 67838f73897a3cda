"""Every key of a namespace: the schema. The Lua scripts see the same names, in the same order."""

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
    """Hash, id -> state (lua/lib/state.lua), once claimed or finished, or while blocked."""
    meta: str
    """Hash: token and sequence last given, reaped_at, purged and announced (their last answers)."""
    paused: str
    """Hash, queue or ``*`` -> 1 (paused) or 0 (goes on although ``*`` is paused)."""
    queues: str
    """Sorted set, all scores 0: every queue that ever had a job."""
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
    """Sorted set read by name, ``parent child``: who waits for whom."""
    parents: str
    """Sorted set read by name, ``child parent``: what a blocked job still awaits."""
    ended: str
    """Sorted set, finished parents whose children are not told yet -> finish time (ms)."""
    alarm: str
    """List of at most one ring: a supervisor is needed, something is due or to be resolved."""
    queue_prefix: str
    """Not a key: the prefix of the keys that ``queue`` and ``control`` make."""

    @classmethod
    def of(cls, namespace: str) -> Keys:
        """The keys of a namespace."""
        names = ("q:" if field == "queue_prefix" else field for field in cls._fields)
        return cls(*(f"{{{namespace}}}:{name}" for name in names))

    def queue(self, queue: str, kind: str) -> str:
        """One of a queue's keys; ``kind`` is one of ``QUEUE_HOMES``, or ``bell``."""
        return f"{self.queue_prefix}{queue}:{kind}"

    def control(self, worker: str) -> str:
        """The list on which a worker's supervisor blocks."""
        return self.queue(f"@{worker}", "control")
