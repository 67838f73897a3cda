"""Where a job's time goes: microseconds of each script, commands a job takes, and what the child does beside.

Run as ``python -m benchmarks.micro [--json] [--jobs N]``. One child works in this process, so the figures are
those of a machine without rivals: good for comparing two versions of the code, not for a rate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from typing import Any
from unittest.mock import patch

from benchmarks import tasks
from benchmarks.stage import Stage, stage
from benchmarks.bench import QUEUES, submit_mixed
from junmai_jobs import child
from junmai_jobs.broker import Broker, succeed
from junmai_jobs.child import Child, ChildSetup, new_board
from junmai_jobs.connection import DedicatedLink

_NAMESPACE = "junmai"


class Meter:
    """Seconds spent in wrapped functions, each without those called inside it."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside = [0.0]

    def wrap(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time added up under a label."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inside.append(0.0)
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.perf_counter() - started
                self.spent[label] += took - self._inside.pop()
                self._inside[-1] += took

        return timed


@contextlib.contextmanager
def metered(worker: Child) -> Iterator[Meter]:
    """Measure a child's parts while the block runs."""
    meter = Meter()
    connection = worker._link.connection
    wait = meter.wrap("wait for the server", lambda: select.select([worker._link], [], []))
    receive = meter.wrap("receive", connection.read_response)

    def wait_and_receive() -> Any:
        wait()
        return receive()

    with contextlib.ExitStack() as stack:
        for owner, name, label in (
            (child, "prepare", "prepare"),
            (child, "execute", "execute"),
            (tasks, "record", "the task itself"),
            (Broker, "step", "broker: arguments and reply"),
            (DedicatedLink, "run", "link"),
            (connection, "send_command", "send"),
        ):
            stack.enter_context(patch.object(owner, name, meter.wrap(label, getattr(owner, name))))
        stack.enter_context(patch.object(connection, "read_response", wait_and_receive))
        yield meter


def make_child(on: Stage, count: int) -> Child:
    """A child that runs so many jobs in this process and returns."""
    setup = ChildSetup(
        endpoint=on.server,
        namespace=_NAMESPACE,
        claimer="micro/0",
        generation=1,
        queues=QUEUES,
        task_modules=(),
        max_jobs=count,
        lease=30.0,
        threads=1,
        loglevel="WARNING",
        log_file=None,
    )
    return Child(setup, new_board(), Pipe()[0])


def per_job(on: Stage, count: int) -> dict[str, Any]:
    """Run jobs twice: once untouched, for the sums, and once metered, for the parts."""
    submit_mixed(on, count)
    worker = make_child(on, count)
    on.client.config_resetstat()
    cpu, wall = time.process_time(), time.perf_counter()
    worker.work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    statistics = on.client.info("commandstats")
    submit_mixed(on, count)
    worker = make_child(on, count)
    with metered(worker) as meter:
        meter.wrap("loop, board and orders", worker.work)()
    inner = {name.removeprefix("cmdstat_"): each for name, each in statistics.items()}
    script = inner.pop("evalsha")
    return {
        "child_cpu_us": _us(cpu, count),
        "wall_us": _us(wall, count),
        "step_script_us": round(script["usec"] / count, 1),
        "commands": {name: round(each["calls"] / count, 2) for name, each in sorted(inner.items()) if each["calls"] >= count / 2},
        "commands_us": round(sum(each["usec"] for each in inner.values()) / count, 1),
        "parts_us": {label: _us(spent, count) for label, spent in sorted(meter.spent.items())},
    }


def scripts(on: Stage, count: int) -> dict[str, float]:
    """Microseconds a call of the other verbs."""
    on.clear()
    broker = Broker(DedicatedLink(on.server), _NAMESPACE)
    found = {}

    def measure(name: str, call: Callable[[], object], times: int) -> None:
        call()
        on.client.config_resetstat()
        for _ in range(times):
            call()
        found[name] = round(on.client.info("commandstats")["cmdstat_evalsha"]["usec_per_call"], 1)
    ...
    return found


def _us(seconds: float, count: int) -> float:
    return round(seconds / count * 1e6, 1)
