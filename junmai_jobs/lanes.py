"""A lane is a queue inside a queue: the jobs of one queue that need the same of a machine.

Its name is the queue's and the needs, ``default+gpu=1,ram_mb=3000``, so that a script can read both from it.
Each lane has all the sets a queue has: what cannot run now never stands before what can.
"""

from __future__ import annotations

from collections.abc import Mapping


def lane_of(queue: str, needs: Mapping[str, float]) -> str:
    """The name of the lane in which jobs of a queue with these needs wait; without needs, the queue's own."""
    if not needs:
        return queue
    return f"{queue}+" + ",".join(f"{name}={amount:.10g}" for name, amount in sorted(needs.items()))


def queue_of(lane: str) -> str:
    """The queue a lane is in."""
    return lane.partition("+")[0]


def needs_of(lane: str) -> dict[str, float]:
    """What the jobs of a lane need; empty for a queue's own."""
    pairs = (pair.split("=") for pair in lane.partition("+")[2].split(",") if pair)
    return {name: float(amount) for name, amount in pairs}
