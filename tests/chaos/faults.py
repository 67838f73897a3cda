"""What goes wrong on purpose: processes killed, the server killed and stalled, each by its own clock."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import redis

from tests.chaos import tasks
from tests.servers import RedisProcess
from tests.worker.harness import alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LEASE = 1.5
STALL = 0.6
FREEZE = LEASE * 1.5


@dataclass
class Fleet:
    """Workers as a user runs them, started again whenever they are gone."""

    server: RedisProcess
    folder: Path
    size: int
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: list[psutil.Process] = field(default_factory=list)
    """Those killed and all that was below them: none may live on."""
    thaws: dict[int, threading.Timer] = field(default_factory=dict)
    """What lets a frozen worker, by its process id, go on; none is killed before."""

    def keep_up(self) -> None:
        """Replace the dead."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < self.size:
            self.workers.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "junmai_jobs.cli", "--redis", self.server.url, "--tasks", tasks.__name__,
            "worker", "--no-schedules", "--concurrency", "2", "--lease", str(LEASE),
            "--max-jobs-per-child", "50",
        ]  # fmt: skip
        variables = {"JUNMAI_HOME": str(self.folder), tasks.JOURNAL_VARIABLE: str(self.journal)}
        with (self.folder / "workers.log").open("ab") as log:
            return subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=log)

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def kill_worker(self, chance: random.Random) -> bool:
        """Kill -9 a supervisor."""
        worker = self._victim(chance)
        self.killed += _family(worker.pid)
        worker.kill()
        worker.wait()
        return True

    def kill_child(self, chance: random.Random) -> bool:
        """Kill -9 one of a supervisor's children; it may have none yet."""
        worker = self._victim(chance)
        children = [
            each for each in _family(worker.pid) if each.pid != worker.pid and _ppid(each) != worker.pid
        ]
        if not children:
            return False
        _each([chance.choice(children)], psutil.Process.kill)
        return True

    def freeze_worker(self, chance: random.Random) -> bool:
        """Stop a worker, at times with all below it, for longer than its leases last, then let it go on."""
        worker = self._victim(chance)
        family = _family(worker.pid)[: chance.choice((1, None))]
        _each(family, psutil.Process.suspend)
        self.thaws[worker.pid] = threading.Timer(FREEZE, _each, (family[::-1], psutil.Process.resume))
        self.thaws[worker.pid].start()
        return True

    def _victim(self, chance: random.Random) -> subprocess.Popen[bytes]:
        frozen = {pid for pid, timer in self.thaws.items() if timer.is_alive()}
        return chance.choice([worker for worker in self.workers if worker.pid not in frozen] or self.workers)

    def thaw(self) -> None:
        """Wait until nobody is frozen."""
        for timer in self.thaws.values():
            timer.join()

    def stop(self) -> list[int]:
        """Have the workers stop in order; their exit codes."""
        living = [worker for worker in self.workers if worker.poll() is None]
        for worker in living:
            worker.send_signal(signal.SIGTERM)
        return [worker.wait(30) for worker in living]

    def left_behind(self) -> list[int]:
        """Processes that outlived the worker they belonged to."""
        _, left = psutil.wait_procs(self.killed, timeout=5)
        return [each.pid for each in alive(left)]

    def close(self) -> None:
        """Whatever has happened, nothing goes on."""
        for worker in self.workers:
            family = _family(worker.pid)
            worker.kill()
            worker.wait()
            _each(family, psutil.Process.kill)


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _each(processes: Iterable[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    """Do it to those that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            act(process)


def _ppid(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.ppid()
    return 0


@dataclass
class _Fault:
    name: str
    every: float
    strike: Callable[[random.Random], bool]
    due: float = 0.0


class Nemesis:
    """Strikes until told to stop."""

    def __init__(self, server: RedisProcess, fleet: Fleet, chance: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self._server, self._fleet, self._chance = server, fleet, chance
        self._faults = [
            _Fault("child kills", 0.4, fleet.kill_child),
            _Fault("worker kills", 1.2, fleet.kill_worker),
            _Fault("redis kills", 3.0, self._kill_redis),
            _Fault("redis stalls", 4.0, self._stall),
            _Fault("lost replies", 4.0, self._stall_and_cut),
            _Fault("worker freezes", 3.0, fleet.freeze_worker),
        ]
        for fault in self._faults:
            self._set(fault)

    def _set(self, fault: _Fault) -> None:
        fault.due = time.monotonic() + fault.every * self._chance.uniform(0.5, 1.5)

    def strike(self) -> None:
        """Wait for the fault that is due next, and let it happen."""
        self._fleet.keep_up()
        fault = min(self._faults, key=lambda each: each.due)
        time.sleep(max(0.0, fault.due - time.monotonic()))
        self.counts[fault.name] += fault.strike(self._chance)
        self._set(fault)

    def _kill_redis(self, chance: random.Random) -> bool:
        self._server.kill()
        time.sleep(chance.uniform(0.0, 0.5))
        self._server.start()
        return True

    def _stall(self, _chance: random.Random) -> bool:
        self._send("DEBUG", "SLEEP", STALL)
        return True

    def _stall_and_cut(self, _chance: random.Random) -> bool:
        """Calls pile up in a stall and are then worked off together; the cut takes the replies of some."""
        with self._server.client() as other:
            other.ping()
            self._send("DEBUG", "SLEEP", STALL)
            time.sleep(STALL * 0.8)
            other.execute_command("CLIENT", "KILL", "TYPE", "normal")
        return True

    def _send(self, *command: object) -> None:
        """Without waiting for the reply."""
        connection: Any = self._server.client().connection_pool.make_connection()
        with contextlib.suppress(redis.RedisError):
            connection.send_command(*command)
