"""One peer on the stage: its producer as a process, its worker processes, and the gate at which they wait."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.environments import Environment
from benchmarks.peers import PROCESSES, URL_VARIABLE
from benchmarks.record import GATE_VARIABLE, read_log, records_in
from benchmarks.stage import ROOT, Stage, running
from tests.waiting import wait_until

_PATIENCE = 600.0  # s
_WARMING = 60.0  # s
_WARM_PAGE = 4
Row = tuple[int, int, int]
"""photo_id, monotonic nanoseconds, pid."""


class DidNotWorkError(Exception):
    """A peer could not be measured; the message has the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A peer, and where it is measured."""

    on: Stage
    name: str
    environment: Environment

    def produce(self, verb: str, first: int, count: int) -> Any:
        """Have a producer submit jobs; what it says of that, see ``peers.run``.

        Raises:
            DidNotWorkError: it could not.
        """
        done = subprocess.run(
            self.environment.command(verb, first, count),
            cwd=ROOT,
            env=os.environ | {URL_VARIABLE: self.on.server.url},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise DidNotWorkError(f"{self.name} could not {verb}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    @contextlib.contextmanager
    def workers(self) -> Iterator[Workers]:
        """Processes as many as are compared, each of which stops at the gate with its first job in hand."""
        peer, folder = self.environment.peer, self.on.log.parent
        gate, output = folder / "gate", folder / "output"
        gate.unlink(missing_ok=True)
        output.unlink(missing_ok=True)
        variables = {URL_VARIABLE: self.on.server.url, GATE_VARIABLE: str(gate)}
        command = self.environment.command("work")
        with contextlib.ExitStack() as stack:
            yield Workers(
                self,
                gate,
                output,
                [stack.enter_context(running(command, output, **variables)) for _ in range(peer.starts)],
            )


@dataclass(frozen=True, slots=True)
class Workers:
    """The running workers of a peer."""

    contest: Contest
    gate: Path
    output: Path
    processes: list[psutil.Popen]

    def rows(self) -> list[Row]:
        """The jobs that have started, by time."""
        return sorted(read_log(self.contest.on.log), key=lambda row: row[1])

    def gather(self) -> None:
        """Until every process has a job in hand, of those there are."""
        self._wait(self._all_there, _WARMING, f"{PROCESSES} processes")

    def warm(self) -> int:
        """Have every process run its first jobs, and then wait for more; how many these were."""
        count = 0
        deadline = time.monotonic() + _WARMING
        while not self._all_there() and time.monotonic() < deadline:
            self.contest.produce("submit", count, _WARM_PAGE)
            count += _WARM_PAGE
        self.gather()
        self.open()
        self.wait_for(count)
        return count

    def open(self) -> int:
        """Let all go on; when that was, in monotonic nanoseconds."""
        opened = time.monotonic_ns()
        self.gate.touch()
        return opened

    def wait_for(self, count: int) -> None:
        """Until so many jobs have started."""
        log = self.contest.on.log
        self._wait(lambda: records_in(log) >= count, _PATIENCE, f"{count:,} jobs")

    def _all_there(self) -> bool:
        return len({pid for _, _, pid in self.rows()}) == PROCESSES

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Raise DidNotWorkError when they have not done it in time, or have ended."""

        def over() -> bool:
            return condition() or any(process.poll() is not None for process in self.processes)

        with contextlib.suppress(AssertionError):
            wait_until(over, timeout)
        if not condition():
            printed = self.output.read_text(errors="replace")[-2000:]
            raise DidNotWorkError(f"{self.contest.name}: waited in vain for {what}: {printed}")
