"""A lane is a queue inside a queue: the jobs of one queue that need the same of a machine.

Its name is the queue's and the needs, ``default+gpu=1,ram_mb=3000``, so that a script can read both from it.
Each lane has all the sets a queue has: what cannot run now never stands before what can.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from junmai_jobs.errors import OptionError

_NEED = re.compile(r"[a-z][a-z0-9_]{0,31}")


def lane_of(queue: str, needs: Mapping[str, float]) -> str:
    """The name of the lane in which jobs of a queue with these needs wait; without needs, the queue's own."""
    if not needs:
        return queue
    return f"{queue}+" + ",".join(f"{name}={amount:.10g}" for name, amount in sorted(needs.items()))


def queue_of(lane: str) -> str:
    """The queue a lane is in."""
    return lane.partition("+")[0]


def ranks_of(lanes: Iterable[str]) -> dict[str, int]:
    """The places of their queues, of lanes in the order in which a worker serves them."""
    return {queue: place for place, queue in enumerate(dict.fromkeys(map(queue_of, lanes)))}


def needs_of(lane: str) -> dict[str, float]:
    """What the jobs of a lane need; empty for a queue's own."""
    pairs = (pair.split("=") for pair in lane.partition("+")[2].split(",") if pair)
    return {name: float(amount) for name, amount in pairs}


def is_lane(name: str) -> bool:
    """Whether ``lane_of`` may have made it, of a queue whatever that is called."""
    try:
        return name == lane_of(queue_of(name), check_needs(needs_of(name)))
    except ValueError:
        return False


def check_needs(needs: object) -> dict[str, float]:
    """What a job takes of a machine while it runs.

    ``gpu`` (a card, or a share of one), ``vram_mb``, ``ram_mb``, or whatever a worker offers.

    Raises:
        OptionError: a name or an amount is not valid.
    """
    amounts = check_amounts(needs, "needs")
    if amounts.get("gpu", 0) > 1:
        raise OptionError(
            f"needs gpu is {amounts['gpu']:g}; a job runs on one card: give 1, or a share of it"
        )
    return amounts


def check_amounts(given: object, what: str) -> dict[str, float]:
    """Amounts of what a machine has, by name.

    Raises:
        OptionError: a name or an amount is not valid.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise OptionError(f"{what} is {given!r}; give a dict as in {{'gpu': 1, 'vram_mb': 6000}}")
    for name, amount in given.items():
        if not _NEED.fullmatch(name):
            raise OptionError(f"{what} names {name!r}; write it with a-z, 0-9 and '_', a letter first")
        if type(amount) not in {int, float} or not (math.isfinite(amount) and 1e-3 <= amount <= 1e9):
            raise OptionError(f"{what} {name} is {amount!r}; give a number from 0.001 to 1e9")
    return {name: float(amount) for name, amount in sorted(given.items())}
