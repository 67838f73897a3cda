"""A world of simulated processes: its time is a number, and of its threads one runs at a time.

Each process is a thread that hands its turn back whenever it would wait. So what it runs is the real code,
waiting as it does, and the order of everything follows from the seed.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable
from typing import Any, ClassVar

EPOCH = 1_795_000_000.0
"""Seconds since 1970 at time 0."""


class Killed(BaseException):
    """Unwinds the thread of a process that has been killed; nothing it does meanwhile reaches anybody."""


class Process:
    """Something with one thread that can die and freeze; what a supervisor sees of a child, too."""

    def __init__(self, world: World, name: str, body: Callable[[], int | None]) -> None:
        self.world, self.name, self.pid = world, name, next(world.pids)
        self.alive, self.frozen_until = True, 0.0
        self.exitcode: int | None = None
        self.at_death: list[Callable[[], object]] = []
        self._body = body
        self._turn = threading.Lock()
        self._turn.acquire()
        self._ticket = 0
        threading.Thread(target=self._run, name=name, daemon=True).start()
        world.at(0, lambda: self.wake(0))

    @property
    def sentinel(self) -> Process:
        return self

    def is_alive(self) -> bool:
        return self.alive

    def ready(self) -> bool:
        """As a sentinel: it has died."""
        return not self.alive

    def join(self, _timeout: float | None = None) -> None:
        """The dead need not be waited for."""

    def pause(self, seconds: float) -> None:
        """Hand the turn back until then, or until the world is stirred."""
        if not self.alive:
            raise Killed
        ticket = self._ticket
        self.world.at(seconds, lambda: self.wake(ticket))
        self.world.turn.release()
        self._turn.acquire()
        if not self.alive:
            raise Killed

    def wake(self, ticket: int) -> None:
        if not self.alive or ticket != self._ticket:
            return
        if self.world.now < self.frozen_until:
            self.world.at(self.frozen_until - self.world.now, lambda: self.wake(ticket))
            return
        self._ticket += 1
        self._go()

    def stir(self) -> None:
        ticket = self._ticket
        self.world.at(0, lambda: self.wake(ticket))

    def kill(self, exitcode: int = -9) -> None:
        """As by SIGKILL: from now on it is dead. Its thread is unwound by the world, in its next turn."""
        if self.alive:
            self._die(exitcode)
            self.world.at(0, self.unwind)

    def _die(self, exitcode: int) -> None:
        self.alive, self.exitcode = False, exitcode
        self.world.note("dies", self.name, exitcode)
        for call in self.at_death:
            call()
        self.world.stir()

    def unwind(self) -> None:
        if self in self.world.processes:
            self._go()

    def _go(self) -> None:
        before, self.world.current = self.world.current, self
        self._turn.release()
        self.world.turn.acquire()
        self.world.current = before

    def _run(self) -> None:
        self._turn.acquire()
        try:
            if self.alive:
                code = self._body() or 0
                if self.alive:
                    self._die(code)
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - it is the finding
            if self.alive:
                self.world.troubles.append(error)
                self.alive = False
        finally:
            self.world.processes.remove(self)
            self.world.turn.release()


class World:
    """Time, chance, and who is there."""

    this: ClassVar[World]
    """The one that runs: there is one at a time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.one_host = True
        """Whether those of a worker see when another one dies."""
        self.current: Process | None = None
        self.turn = threading.Lock()
        self.turn.acquire()
        self.pids = itertools.count(1)
        self.processes: list[Process] = []
        """Those whose thread has not ended."""
        self.troubles: list[BaseException] = []
        self.note: Callable[..., None] = lambda *_: None
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        World.this = self

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Have something happen so many seconds from now."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), call))

    def spawn(self, name: str, body: Callable[[], int | None]) -> Process:
        process = Process(self, name, body)
        self.processes.append(process)
        return process

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let things happen, in their order."""
        while self._events and self._events[0][0] <= until and not done():
            self.now, _, call = heapq.heappop(self._events)
            call()
            if self.troubles:
                raise self.troubles[0]
        self.now = max(self.now, min(until, self._events[0][0] if self._events else until))

    def sleep(self, seconds: float) -> None:
        """The process whose turn it is does nothing for so long."""
        process, until = self.me(), self.now + seconds
        while self.now < until:
            process.pause(until - self.now)

    def me(self) -> Process:
        assert self.current is not None
        if not self.current.alive:
            raise Killed
        return self.current

    def stir(self) -> None:
        """Something has changed: have everybody look who waits for something."""
        for process in self.processes:
            if process.alive:
                process.stir()

    def wait(self, objects: list[Any], timeout: float | None = None) -> list[Any]:
        """In place of ``multiprocessing.connection.wait``: those that are ready, as soon as there are any."""
        process, until = self.me(), self.now + (1e9 if timeout is None else timeout)
        while True:
            ready = [each for each in objects if is_ready(each)]
            if ready or self.now >= until:
                return ready
            process.pause(until - self.now)

    def end(self) -> None:
        """Kill everybody, so that no thread is left."""
        while self.processes:
            self.processes[0].alive = False
            self.processes[0].unwind()


def is_ready(thing: Any) -> bool:
    """Of a process, a connection (or the link around it) or a child's orders; a real socket never is."""
    ready = getattr(getattr(thing, "connection", thing), "ready", None)
    return bool(ready and ready())


class Time:
    """In place of the module ``time``."""

    @staticmethod
    def monotonic() -> float:
        return World.this.now

    @staticmethod
    def time() -> float:
        return EPOCH + World.this.now

    @staticmethod
    def sleep(seconds: float) -> None:
        World.this.sleep(seconds)
