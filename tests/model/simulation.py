"""Workers, people and a network in one thread after another, all by a seed, against the real store.

python -m tests.model.simulation --seed 7 --trace
python -m tests.model.simulation --seeds 100000 --from 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs.settings import WorkerSettings
from tests.model.simulation_actors import LIMITS, People, SimulatedWorker, stage
from tests.model.simulation_laws import Laws, unfinished
from tests.model.simulation_network import Network, Trace
from tests.model.simulation_store import QUEUES, Mutant, SimulatedStore
from tests.model.simulation_world import World
from tests.servers import RedisProcess
from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.simulation_world import Process

LEASE, GRACE = 4.0, 2.0
NAMESPACE = "simulation"
STRIKES = (
    "child dies", "worker dies", "worker freezes", "worker is cut off", "child freezes", "all sleep",
    "clock jumps", "server restarts", "worker stops",
)  # fmt: skip
"""Of which each seed knows a few."""
PATIENCE = 900.0
"""Seconds within which everything must end once nothing goes wrong any more."""


@dataclass(frozen=True)
class Outcome:
    seed: int
    digest: str
    calls: int
    seen: dict[str, int]
    error: BaseException | None
    last: list[str]

    def __str__(self) -> str:
        assert self.error is not None
        where = "".join(traceback.format_exception(self.error)[-3:])
        return "\n".join([*self.last[-60:], f"seed {self.seed}: {self.error}", where, replay(self.seed)])


def replay(seed: int) -> str:
    return f"again, with all that happens: python -m tests.model.simulation --seed {seed} --trace"


class Simulation:
    """One seed."""

    def __init__(self, store: SimulatedStore, seed: int, *, shown: bool = False) -> None:
        store.begin(NAMESPACE)
        self.seed, self.store = seed, store
        self.world = World(seed)
        self.chance = self.world.random
        self.trace = Trace(shown)
        self.world.note = self.trace.note
        self.laws = Laws(LIMITS)
        trouble = self.chance.choice([0.0, 0.02, 0.1, 0.25])
        shares = [self.chance.random() * trouble for _ in range(4)]
        self.network = Network(self.world, store, self.laws, self.trace, [1 - sum(shares), *shares])
        self.people = People(self.world, self.network, NAMESPACE, self.laws)
        self.workers: list[tuple[Process, SimulatedWorker]] = []
        self.wanted = self.chance.choice([1, 2, 2, 3])
        self.strikes = self.chance.sample(STRIKES, self.chance.randint(1, 4))
        self.world.one_host = self.chance.random() < 0.5
        self.farthest = 0.0
        """How far ahead the server's clock has ever been."""

    def run(self) -> Outcome:
        error: BaseException | None = None
        try:
            self._go_wrong()
            self._come_to_rest()
            self._stop()
        except Exception as found:  # noqa: BLE001 - it is the finding
            error = found
        finally:
            self.world.end()
            for _, worker in self.workers:
                worker.close()
        digest = self.trace.digest.hexdigest()
        return Outcome(
            self.seed, digest, self.network.calls, dict(self.laws.seen), error, list(self.trace.last)
        )

    def _go_wrong(self) -> None:
        length = self.chance.uniform(4, 16)
        for number in range(self.chance.randint(1, 2)):
            self.world.spawn(f"producer{number}", partial(self.people.produce, self.chance.randint(2, 8)))
        self.meddlers = [
            self.world.spawn(f"meddler{number}", partial(self.people.meddle, self.chance.randint(1, 8)))
            for number in range(self.chance.randint(0, 2))
        ]
        self._keep_workers()
        pace = self.chance.choice([0.0, 0.2, 0.5, 1.0])
        while pace and (pause := self.chance.expovariate(pace)) + self.world.now < length:
            self.world.run(self.world.now + pause)
            self._strike()
        self.world.run(length)

    def _keep_workers(self) -> None:
        """As many as there should be; who has died is followed by another."""
        self.workers = [each for each in self.workers if each[0].alive]
        while len(self.workers) < self.wanted:
            self._start_worker()

    def _start_worker(self) -> None:
        settings = WorkerSettings(
            endpoint=self.network, namespace=NAMESPACE, concurrency=self.chance.randint(1, 3), queues=QUEUES,
            lease=LEASE, grace=GRACE, claim_ahead=self.chance.choice([1, 4]),
            max_jobs_per_child=self.chance.choice([3, 100]), moved_clock=True,
        )  # fmt: skip
        made: list[SimulatedWorker] = []

        def work() -> int:
            return made[0].run()

        process = self.world.spawn(f"w{next(self.world.pids)}", work)
        self.world.current = process
        made.append(SimulatedWorker(settings))
        self.world.current = None
        process.at_death.append(partial(self._worker_has_died, made[0]))
        self.workers.append((process, made[0]))

    def _worker_has_died(self, worker: SimulatedWorker) -> None:
        for each in worker.children:
            self.world.at(self.chance.choice([0.0, 0.2]), each.kill)
        worker.close()
        self.world.at(self.chance.uniform(0, 4), self._keep_workers)

    def _strike(self) -> None:
        """One thing goes wrong."""
        process, worker = self.chance.choice(self.workers or [(None, None)])
        strike = self.chance.choice(self.strikes)
        children = worker.children if worker else []
        self.trace.note(strike)
        match strike:
            case "child dies" if children:
                self.chance.choice(children).kill()
            case "worker dies" if process:
                process.kill()
            case "worker freezes" if process:
                self._freeze([process, *children, *(worker.guard if worker else ())])
            case "worker is cut off" if process:
                self.network.cut_off[process.name] = self.world.now + self.chance.uniform(0, 3 * LEASE)
            case "child freezes" if children:
                self._freeze([self.chance.choice(children)])
            case "all sleep":
                self._move_clock(self.chance.choice([3.0, 600.0, 30_000.0]))
            case "clock jumps":
                self._move_clock(self.chance.choice([-10_000.0, -3.0, 3.0, 10_000.0]))
            case "server restarts":
                self.network.restart(self.chance.uniform(0, 8))
            case "worker stops" if worker:
                worker.stop(now=self.chance.random() < 0.3)
            case _:
                pass

    def _move_clock(self, seconds: float) -> None:
        self.network.skew += seconds
        self.farthest = max(self.farthest, self.network.skew)

    def _freeze(self, processes: list[Process]) -> None:
        until = self.world.now + self.chance.uniform(0, 3 * LEASE)
        for each in processes:
            each.frozen_until = until

    def _come_to_rest(self) -> None:
        """Nothing goes wrong any more, what was late has come, and the clock is at its farthest."""
        self.trace.note("calm")
        self.network.weights = [1, 0, 0, 0, 0]
        self.network.cut_off.clear()
        self.network.skew = self.farthest
        self.world.run(max(self.world.now, self.network.late_until, self.network.down_until))
        rest = self.world.spawn("rest", self.people.come_to_rest)
        busy = [
            rest,
            *(each for each in self.world.processes if each.name.startswith(("producer", "meddler"))),
        ]
        self.world.run(self.world.now + PATIENCE, lambda: self._is_at_rest(busy))
        left = unfinished(self.store.view.homes, self.people.acknowledged)
        assert not left, (
            f"not ended in {PATIENCE:g} s: {[(each, self.store.view.homes.get(each)) for each in left]}"
        )
        assert not any(each.alive for each in busy), "somebody is never answered"

    def _is_at_rest(self, busy: list[Process]) -> bool:
        if any(each.alive for each in busy):
            return False
        return not unfinished(self.store.view.homes, self.people.acknowledged + list(self.store.view.homes))

    def _stop(self) -> None:
        self.wanted = 0
        for _, worker in self.workers:
            worker.stop()
        self.world.run(
            self.world.now + PATIENCE, lambda: not any(process.alive for process, _ in self.workers)
        )
        assert not any(process.alive for process, _ in self.workers), "a worker does not stop"
        no_broker: Any = None
        Store(no_broker, self.store.admin, NAMESPACE, self._move_clock).audit()
        view = self.store.view
        ended = {run.id for run in (self.laws.runs[token] for token in self.laws.accepted)}
        succeeded = [each.id for each in self.laws.accepted.values() if each.verb == "succeed"]
        assert len(set(succeeded)) == len(succeeded), "a job has succeeded twice"
        assert set(succeeded) == {each for each, home in view.homes.items() if home == "succeeded"} <= ended
        assert view.homes.keys() <= {*self.people.tried, *(each for each in view.homes if ":" in each)}


@contextmanager
def simulated_store(mutant: Mutant | None = None) -> Iterator[SimulatedStore]:
    """A store on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisProcess(Path(folder), options=("--appendonly", "no")).start()
        try:
            admin: Any = server.client()
            store = SimulatedStore(admin, mutant)
            with stage():
                yield store
            store.close()
            admin.close()
        finally:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first")
    given = parser.parse_args()
    first, count = (given.first, given.seeds) if given.seed is None else (given.seed, 1)
    calls, began, digest = 0, time.monotonic(), ""
    with simulated_store() as store:
        for seed in range(first, first + count):
            outcome = Simulation(store, seed, shown=given.trace).run()
            calls += outcome.calls
            digest = blake2b(f"{digest}{outcome.digest}".encode(), digest_size=8).hexdigest()
            if outcome.error is not None:
                print(outcome)
                return 1
    print(f"{count} seeds, {calls} calls, {time.monotonic() - began:.1f} s; the same each time: {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
