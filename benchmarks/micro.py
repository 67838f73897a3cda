"""Where a job's time goes: its scripts, the commands inside them, and what the child does beside.

Run as ``python -m benchmarks.micro``. One child works in this process, so nothing competes but the server:
good for comparing two versions of the code, not for a rate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import Pipe
from typing import Any
from unittest.mock import patch

from benchmarks import tasks
from benchmarks.bench import QUEUES, submit_mixed
from benchmarks.command import at_least, run_main
from benchmarks.stage import Stage, stage
from junmai_jobs import child
from junmai_jobs.board import new_board
from junmai_jobs.broker import Broker
from junmai_jobs.child import Child
from junmai_jobs.child_process import ChildSetup
from junmai_jobs.connection import DedicatedLink
from junmai_jobs.endings import succeed
from junmai_jobs.job import Claimed
from junmai_jobs.settings import WorkerSettings


class Meter:
    """Processor seconds spent in wrapped functions, each without the wrapped functions it calls."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside = [0.0]

    def wrap(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time added up under a label."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inside.append(0.0)
            started = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.process_time() - started
                self.spent[label] += took - self._inside.pop()
                self._inside[-1] += took

        return timed


@contextlib.contextmanager
def metered(worker: Child, link: DedicatedLink) -> Iterator[Meter]:
    """Measure a child's parts while the block runs."""
    meter = Meter()
    wait = meter.wrap("wait for the server", lambda: select.select([link], [], []))
    receive = meter.wrap("receive", link._receive)  # noqa: SLF001 - its parts are what is measured

    def wait_and_receive(connection: Any) -> Any:
        wait()
        return receive(connection)

    with contextlib.ExitStack() as stack:
        for owner, name, label in (
            (child, "prepare", "read the job"),
            (child, "execute", "run the task"),
            (tasks, "record", "the task itself"),
            (worker, "_announce", "board"),
            (Broker, "step", "arguments and reply"),
            (DedicatedLink, "run", "link"),
            (link.connection, "send_packed_command", "send"),
        ):
            stack.enter_context(patch.object(owner, name, meter.wrap(label, getattr(owner, name))))
        stack.enter_context(patch.object(link, "_receive", wait_and_receive))
        yield meter


def make_child(on: Stage, count: int) -> Child:
    """A child that runs so many jobs in this process, then returns."""
    settings = WorkerSettings(
        endpoint=on.server, namespace=on.jobs.namespace, max_jobs_per_child=count, loglevel="WARNING"
    )
    setup = ChildSetup(settings=settings, claimer="micro/0", generation=1, queues=QUEUES, threads=1)
    return Child(setup, new_board(), Pipe()[0])


def whole(on: Stage, count: int) -> dict[str, float]:
    """Microseconds a job, measured around an untouched child and in the server's own statistics."""
    on.clear()
    submit_mixed(on, count)
    worker = make_child(on, count)
    on.client.config_resetstat()
    cpu, wall = time.process_time(), time.perf_counter()
    worker.work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    commands = on.client.info("commandstats")
    script = commands.pop("cmdstat_fcall")
    return {
        "wall": _each(wall * 1e6, count),
        "child's processor": _each(cpu * 1e6, count),
        "step script": _each(script["usec"], count),
        "of that in commands": _each(sum(each["usec"] for each in commands.values()), count),
        **{
            f"commands: {name.removeprefix('cmdstat_')}": _each(each["calls"], count)
            for name, each in sorted(commands.items())
            if each["calls"] > count / 10
        },
    }


def parts(on: Stage, count: int) -> dict[str, float]:
    """Microseconds a job of processor time in each part of the child, the meter's own cost included."""
    on.clear()
    submit_mixed(on, count)
    worker = make_child(on, count)
    with metered(worker, worker._link) as meter:  # noqa: SLF001 - the link is what is measured
        meter.wrap("loop", worker.work)()
    return {label: _each(spent * 1e6, count) for label, spent in sorted(meter.spent.items())}


def scripts(on: Stage, count: int) -> dict[str, float]:
    """Microseconds in the server for a call of other verbs."""
    on.clear()
    broker = Broker(DedicatedLink(on.server), on.jobs.namespace)
    found: dict[str, float] = {}
    claimers = [f"micro/{number}" for number in range(count)]
    jobs: dict[str, Claimed] = {}

    def measure(name: str, call: Callable[[str], object], each: Iterable[str]) -> None:
        on.client.config_resetstat()
        for claimer in each:
            call(claimer)
        found[name] = on.client.info("commandstats")["cmdstat_fcall"]["usec_per_call"]

    def claim(claimer: str) -> None:
        if job := broker.claim(claimer, "1.1", QUEUES):
            jobs[claimer] = job

    broker.register("micro", {})
    measure("enqueue, 200 jobs", lambda _: submit_mixed(on, 200), claimers[::200])
    measure("claim", claim, claimers)
    measure("extend, 2 claimers", lambda _: broker.extend("micro", claimers[:2]), claimers)
    measure("reap, nothing lost", lambda _: broker.reap(QUEUES), claimers)
    measure("succeed", lambda claimer: broker.end(jobs[claimer], succeed(b"")), claimers)
    measure("promote, nothing due", lambda _: broker.promote(QUEUES), claimers)
    measure("step, nothing to do", lambda claimer: broker.step(claimer, "1.2", QUEUES), claimers)
    return found


def _each(total: float, count: int) -> float:
    return round(total / count, 2)


def main() -> None:
    """Print the figures, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--jobs", type=at_least(1), default=10_000)
    options = parser.parse_args()
    with stage() as on:
        found = {
            "a job, us": whole(on, options.jobs),
            "a job's parts in the child, us": parts(on, options.jobs),
            "a call in the server, us": scripts(on, 1000),
        }
    if options.json:
        print(json.dumps(found))
        return
    for title, figures in found.items():
        print(title, *(f"  {name:<26}{value:>8}" for name, value in figures.items()), sep="\n")


if __name__ == "__main__":
    run_main(main)
