"""One reader for all who follow what happens to jobs, however many they are.

A listener has nothing but a cursor. One that is where the reader is waits for it; one that is behind what the
reader keeps, because it came back after a break or is slow, reads the queue itself until it has caught up.
So a slow listener costs no memory, holds nobody up, and misses nothing that the queue still keeps.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from junmai_jobs.errors import EventsLost, JunmaiJobsError

if TYPE_CHECKING:
    from junmai_jobs.events import Event
    from junmai_jobs.jobqueue import JobQueue

_EVERY = 0.1
"""Seconds between two looks: what comes meanwhile is told at once, which costs many listeners least."""
_AWAY = 1.0
_PAGE = 1000
_KEPT = 2 * _PAGE
_GOODBYE = 1.0
"""Seconds that listeners have to end what they say when the process ends."""


class Hub:
    """Follows the queue while anybody listens, in a thread of its own. Threads share it."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs
        self._changed = threading.Condition()
        self._listeners = 0
        self._reader: threading.Thread | None = None
        self._turn = 0
        """Grows with every change that a listener may wait for."""
        self._kept: deque[Event] = deque(maxlen=_KEPT)
        self._places: dict[str, int] = {}
        """By cursor: how many events had been read, up to and with its own."""
        self._count = 0
        self.closed = False
        """Whether the process ends: who listens says so, and leaves."""

    @contextlib.contextmanager
    def listening(self, cursor: str) -> Iterator[None]:
        """Have the reader read, from this cursor on if nobody has listened so far."""
        with self._changed:
            self._listeners += 1
            if self._reader is None:
                self._begin(cursor)
        try:
            yield
        finally:
            with self._changed:
                self._listeners -= 1
                if not self._listeners:
                    self._reader = None
                    atexit.unregister(self.close)
                self._changed.notify_all()

    def after(self, cursor: str, timeout: float) -> list[Event]:
        """What follows a cursor; if nothing does, what comes within so many seconds. Empty: ask again.

        Raises:
            EventsLost, StoreUnavailable: see ``JobQueue.events``.
        """
        with self._changed:
            turn = self._turn
            if self._kept_after(cursor) == []:
                self._wait(turn, timeout)
            found = self._kept_after(cursor)
        if found is None:
            found = self._read(cursor)
            if not found:
                with self._changed:
                    self._wait(turn, timeout)
        return found

    def _wait(self, turn: int, timeout: float) -> None:
        """Until something has changed since this turn."""
        self._changed.wait_for(lambda: self.closed or self._turn != turn, timeout)

    def close(self) -> None:
        """Have all listeners leave, and wait for that a moment."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._listeners, _GOODBYE)

    def _begin(self, cursor: str) -> None:
        self._forget(cursor)
        self._reader = threading.Thread(
            target=self._follow, args=(cursor,), name="junmai-jobs-events", daemon=True
        )
        self._reader.start()
        atexit.register(self.close)

    def _follow(self, cursor: str) -> None:
        """What the reader does. While the server is away it waits for its return, and so do all."""
        while self._is_reading():
            time.sleep(_EVERY)
            try:
                found = self._read(cursor)
            except EventsLost as lost:  # each listener finds that out, too
                cursor = lost.cursor
                with self._changed:
                    if self._is_reading():
                        self._forget(cursor)
            except JunmaiJobsError:
                time.sleep(_AWAY)
            else:
                cursor = found[-1].cursor if found else cursor
                with self._changed:
                    if found and self._is_reading():
                        self._keep(found)

    def _is_reading(self) -> bool:
        """Whether this thread is the reader: where all have left, and somebody came, it is another one."""
        return self._reader is threading.current_thread()

    def _read(self, cursor: str) -> list[Event]:
        return list(islice(self._jobs.events(cursor, timeout=0), _PAGE))

    def _forget(self, cursor: str) -> None:
        """Go on after a cursor, and know nothing of what was before."""
        self._kept.clear()
        self._places = {cursor: self._count}
        self._turn += 1
        self._changed.notify_all()

    def _keep(self, found: list[Event]) -> None:
        for event in found:
            if len(self._kept) == _KEPT:
                self._places.pop(self._kept[0].cursor, None)
            self._count += 1
            self._kept.append(event)
            self._places[event.cursor] = self._count
        self._turn += 1
        self._changed.notify_all()

    def _kept_after(self, cursor: str) -> list[Event] | None:
        """None: the reader is elsewhere."""
        place = self._places.get(cursor)
        if place is None or (missing := self._count - place) > len(self._kept):
            return None
        return list(islice(self._kept, len(self._kept) - missing, None))
