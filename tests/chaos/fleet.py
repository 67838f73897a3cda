"""The workers that are to be killed, and started again whenever they are gone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.chaos import tasks
from tests.homes import in_home
from tests.waiting import wait_until
from tests.worker.harness import alive

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

    from tests.servers import RedisProcess

LEASE = 1.5
FREEZE = LEASE * 2.5
NO_SERVER = 69
"""The exit code of a command that cannot reach the server."""
ROOT = Path(__file__).parents[2]


@dataclass
class Fleet:
    """Workers as a user runs them, each in a place of its own, which says how it reaches the server."""

    server: RedisProcess
    folder: Path
    """Where they work, and by which whoever is left of them is known."""
    ports: Sequence[int]
    """For each worker the port at which it finds the server."""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: list[psutil.Process] = field(default_factory=list)
    """Those killed and all that was below them: none may live on."""
    fell: list[int] = field(default_factory=list)
    """Exit codes of workers that nobody had killed or told to stop."""
    thaws: dict[int, threading.Timer] = field(default_factory=dict)
    """What lets a frozen worker, by its process id, go on; none is killed before."""

    def keep_up(self) -> None:
        """Replace the dead."""
        self.workers = self.workers or [self._start(port) for port in self.ports]
        for place in self._bury():
            self.workers[place] = self._start(self.ports[place])

    def _bury(self) -> list[int]:
        """The places of the dead; who has fallen is noted."""
        dead = {place: worker for place, worker in enumerate(self.workers) if worker.poll() is not None}
        self.fell += [worker.returncode for worker in dead.values() if self._has_fallen(worker)]
        return list(dead)

    def _has_fallen(self, worker: subprocess.Popen[bytes]) -> bool:
        """Whether it was not killed. One that finds no server at its start may say so and end."""
        if worker.returncode == NO_SERVER:
            return f":{worker.pid}:" in self.log.read_text(encoding="utf-8")  # it has told its name
        return worker.returncode != -signal.SIGKILL

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "junmai_jobs.cli", "--redis", replace(self.server, port=port).url,
            "--tasks", tasks.__name__, "worker", "--no-schedules", "--concurrency", "4",
            "--lease", str(LEASE), "--max-jobs-per-child", "100",
        ]  # fmt: skip
        variables = {
            **in_home(self.folder),
            "PYTHONPATH": str(ROOT),
            tasks.JOURNAL_VARIABLE: str(self.journal),
        }
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=os.environ | variables, stdout=log, stderr=log
            )

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def log(self) -> Path:
        return self.folder / "workers.log"

    def ended_late(self) -> int:
        """How often a run ended when its job was another's, and was told so."""
        with self.log.open(encoding="utf-8") as lines:
            return sum("its outcome here does not count" in line for line in lines)

    def kill_worker(self, chance: random.Random) -> bool:
        """Kill -9 a supervisor."""
        if victim := self._victim(chance):
            worker, _ = victim
            self.killed += _family(worker.pid)
            worker.kill()
            worker.wait()
        return victim is not None

    def kill_child(self, chance: random.Random) -> bool:
        """Kill -9 a child of a supervisor."""
        if victim := self._victim(chance):
            _each([chance.choice(victim[1])], psutil.Process.kill)
        return victim is not None

    def freeze_worker(self, chance: random.Random) -> bool:
        """Stop a worker, at times with all below it, for longer than its leases last, then let it go on."""
        if victim := self._victim(chance):
            pid = victim[0].pid
            family = _family(pid)[: chance.choice((1, None))]
            _each(family, psutil.Process.suspend)
            self.thaws[pid] = threading.Timer(FREEZE, _each, (family[::-1], psutil.Process.resume))
            self.thaws[pid].start()
        return victim is not None

    def _victim(self, chance: random.Random) -> tuple[subprocess.Popen[bytes], list[psutil.Process]] | None:
        """A worker that is up and not frozen, and its children; the dead are replaced first."""
        self.keep_up()
        frozen = {pid for pid, timer in self.thaws.items() if timer.is_alive()}
        for worker in chance.sample(self.workers, len(self.workers)):
            if worker.pid not in frozen and (children := _children(worker)):
                return worker, children
        return None

    def recover(self) -> None:
        """Wait until nobody is frozen and all are up."""
        for timer in self.thaws.values():
            timer.join()
        self.keep_up()
        wait_until(lambda: all(map(_children, self.workers)), 60.0, "the workers")

    def stop(self) -> list[int]:
        """Have the workers stop in order; their exit codes."""
        dead = self._bury()
        living = [worker for place, worker in enumerate(self.workers) if place not in dead]
        for worker in living:
            worker.send_signal(signal.SIGTERM)
        return [worker.wait(60) for worker in living]

    def left_behind(self) -> list[int]:
        """Processes that outlived the worker they belonged to."""
        _, left = psutil.wait_procs(self.killed, timeout=60)
        return [each.pid for each in alive(left)]

    def close(self) -> None:
        """Whatever has happened, nothing goes on."""
        for worker in self.workers:
            family = _family(worker.pid)
            worker.kill()
            worker.wait()
            _each(family, psutil.Process.kill)


def end_all_in(folder: Path) -> int:
    """Kill -9 every process that works in a folder: what a run that was itself killed has left. How many."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder.resolve()):
                found.append(process)
    _each(found, psutil.Process.kill)
    psutil.wait_procs(found, timeout=60)
    return len(found)


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _children(worker: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Those that run jobs: children of the worker's forkserver. Whoever has some minds signals."""
    return [each for each in _family(worker.pid)[1:] if _ppid(each) != worker.pid]


def _each(processes: Iterable[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    """Do it to those that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            act(process)


def _ppid(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.ppid()
    return 0
