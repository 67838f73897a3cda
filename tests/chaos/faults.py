"""What goes wrong on purpose: processes killed, the server killed and stalled, a line spoilt."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from tests.proxy import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.chaos.fleet import Fleet
    from tests.proxy import Proxy
    from tests.servers import RedisProcess

WORKER = {"child_kills": 0.21, "worker_kills": 4.0, "worker_freezes": 4.0}
REDIS = {"redis_kills": 3.0, "redis_stalls": 3.0, "lost_replies": 3.0}
LINE = {"line_faults": 1.0}
"""Seconds from one to the next, on the average: a kill every 200 ms, a stall every 1.5 s."""
STALL = 0.6
DOWN = 0.5
"""Seconds: the longest that a killed server stays away."""
SLOW, SAVED = 50.0, 5.0
"""Jobs a second, and for how many seconds a stall of all work may last without a pause of the faults."""


def line_fault(mode: Mode) -> str:
    """The name by which a fault of the line is counted, beside all of them."""
    return f"line_{mode.name.lower()}"


@dataclass
class _Fault:
    name: str
    every: float
    """Seconds, on the average."""
    strike: Callable[[random.Random], bool]
    """Whether there was anything to strike."""
    due: float = 0.0
    due_at: float = 0.0
    """The number of jobs before which it does not strike again."""


class Nemesis:
    """Strikes while ``rage`` lasts.

    On a machine that has no time for the work, workers would be killed faster than they start. So the faults
    wait for the jobs, of which ``jobs`` tells how many have been accepted, where these are slower than
    ``SLOW`` a second.
    """

    def __init__(
        self, server: RedisProcess, proxy: Proxy, fleet: Fleet, jobs: Callable[[], int], seed: int
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._server, self._proxy, self._fleet, self._jobs, self._seed = server, proxy, fleet, jobs, seed
        self._over = threading.Event()

    @contextlib.contextmanager
    def rage(self) -> Iterator[None]:
        """Three hands, each with faults that wait for each other; what goes wrong with one is raised."""
        fleet = self._fleet
        strikes: dict[str, Callable[[random.Random], bool]] = {
            "child_kills": fleet.kill_child,
            "worker_kills": fleet.kill_worker,
            "worker_freezes": fleet.freeze_worker,
            "redis_kills": self._kill_redis,
            "redis_stalls": self._stall,
            "lost_replies": self._stall_and_cut,
            "line_faults": self._spoil_line,
        }
        hands = [
            [_Fault(name, every, strikes[name]) for name, every in hand.items()]
            for hand in (WORKER, REDIS, LINE)
        ]
        with ThreadPoolExecutor(len(hands)) as pool:
            striking = [
                pool.submit(self._strike, faults, random.Random(self._seed + number))
                for number, faults in enumerate(hands)
            ]
            try:
                yield
            finally:
                self._over.set()
                for hand in striking:
                    hand.result()
        self._proxy.mode = Mode.PASS

    def _strike(self, faults: Sequence[_Fault], chance: random.Random) -> None:
        for fault in faults:
            fault.due = time.monotonic() + fault.every * chance.uniform(0.5, 1.5)
        while not self._over.is_set():
            ripe = [fault for fault in faults if fault.due_at <= self._jobs()]
            fault = min(ripe or faults, key=lambda each: each.due)
            pause = fault.due - time.monotonic()
            if pause > 0 or not ripe:
                self._over.wait(min(0.05, max(0.01, pause)))
                continue
            self.counts[fault.name] += fault.strike(chance)
            # Not from now on: what came late because another took its time is made up for, once.
            late = max(fault.due, time.monotonic() - fault.every)
            fault.due = late + fault.every * chance.uniform(0.5, 1.5)
            fault.due_at = max(fault.due_at, self._jobs() - SAVED * SLOW) + fault.every * SLOW

    def _kill_redis(self, chance: random.Random) -> bool:
        self._server.kill()
        time.sleep(chance.uniform(0.0, DOWN))
        self._server.start()
        return True

    def _stall(self, _chance: random.Random) -> bool:
        with self._server.client() as other:
            other.ping()
            self._send("DEBUG", "SLEEP", STALL)
            began = time.monotonic()
            other.ping()
        return time.monotonic() - began > STALL / 2

    def _stall_and_cut(self, _chance: random.Random) -> bool:
        """Calls pile up in a stall and are then worked off together; the cut takes the replies of some."""
        with self._server.client() as other:
            other.ping()
            self._send("DEBUG", "SLEEP", STALL)
            time.sleep(STALL * 0.8)
            return bool(other.execute_command("CLIENT", "KILL", "TYPE", "normal"))

    def _send(self, *command: object) -> None:
        """Without waiting for the reply."""
        connection: Any = self._server.client().connection_pool.make_connection()
        with contextlib.suppress(redis.RedisError):
            connection.send_command(*command)

    def _spoil_line(self, chance: random.Random) -> bool:
        """What the proxied worker has to bear until the next time."""
        self._proxy.mode = chance.choice([*Mode, Mode.PASS])
        self.counts[line_fault(self._proxy.mode)] += 1
        if self._proxy.mode is Mode.PASS:
            self._proxy.lose_reply(after=chance.randrange(20))
        return True
