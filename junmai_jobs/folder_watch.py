"""Watches a folder of photographs: which of its files are complete, and when to work on them.

The system tells that something happens in the folder; what, is found out by looking at it. So nothing is
missed: not what was there before, nor what came while nobody was told.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from junmai_jobs.files import open_regular
from junmai_jobs.photo.errors import PhotoError, PhotoGone, spelt
from junmai_jobs.photo.pictures.files import PHOTO_SUFFIXES, Photo, find_photos

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.observers.api import BaseObserver

    State = tuple[int, int]
    """Of a file: its size in bytes, and when it was changed, in ns."""

SETTLE = 2.0
"""Seconds for which a file must have stayed as it is, to be complete."""
LONGEST_WAIT = 60.0
"""Seconds after which those that are complete are not kept waiting any more by those that are not."""
REGROUP_AFTER = 600.0
"""Seconds after which photos are grouped although more of them keep coming."""
PAUSE_A_PHOTO = 0.01
"""Seconds that a pause must have for each photo there is: about what it takes to group it once more."""
_LOOK_ANYWAY = 30.0  # s; for what the system did not tell
_STAT_EVERY, _AWAY_EVERY = 2.0, 0.5  # s; whether the folder is still there, and there again
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent, DirCreatedEvent,
    DirMovedEvent, DirDeletedEvent,
]  # fmt: skip


@dataclass(slots=True)
class Settling:
    """Which photos are complete: what they consist of has not changed for a while, and can be opened.

    A file that was given its name when it was complete, as by a program that copies to ``NAME.part`` first,
    has nothing to wait for. Times are seconds of any clock that only moves on.
    """

    settle: float = SETTLE
    _seen: dict[Path, tuple[State, float]] = field(default_factory=dict)
    """Each file as it was last seen, and since when it is so."""
    _complete: dict[Path, State] = field(default_factory=dict)
    """Those that were found to be complete, as they were then."""

    def sort(
        self, photos: Sequence[Photo], now: float, renamed: Collection[Path] = ()
    ) -> tuple[list[Photo], list[Photo]]:
        """Return the photos that are complete, and those that are not yet."""
        renamed = frozenset(renamed)
        seen: dict[Path, tuple[State, float]] = {}
        complete: list[Photo] = []
        growing: list[Photo] = []
        for photo in photos:
            files = [photo.path, *([photo.companion] if photo.companion else [])]
            for file in files:
                seen[file] = self._look(file, now, is_renamed=file in renamed)
            is_complete = all(self._is_complete(file, *seen[file], now) for file in files)
            (complete if is_complete else growing).append(photo)
        self._seen = seen
        return complete, growing

    def state(self, photo: Photo) -> tuple[Photo, State]:
        """What of a photo makes it another one for those who work on it."""
        return photo, self._seen[photo.path][0]

    def _is_complete(self, file: Path, state: State, since: float, now: float) -> bool:
        if self._complete.get(file) == state:
            return True
        if now - since < self.settle or not _opens(file):
            return False
        self._complete[file] = state
        return True

    def _look(self, file: Path, now: float, *, is_renamed: bool) -> tuple[State, float]:
        try:
            found = file.stat()
        except OSError:
            return (-1, -1), now
        state = found.st_size, found.st_mtime_ns
        before, since = self._seen.get(file, (None, now))
        if is_renamed and before in {None, state}:
            return state, -math.inf
        return state, since if before == state else now


@dataclass(slots=True)
class Flow:
    """When photos that keep coming are to be worked on: all together in a pause, yet each before long.

    To group is to look at all photos there are, so the more there are, the longer the pause is to be. Times
    are as those of ``Settling``.
    """

    _new: int = 0
    _arrived: float = 0.0
    """When the last of the new ones came."""
    _ungrouped_since: float | None = None
    _given: float = -math.inf
    """When some were given last."""
    _is_rest_left: bool = False
    """Whether some were given that are not grouped."""

    def due(self, new: int, complete: int, now: float, *, growing: bool) -> Literal["all", "new"] | None:
        """Tell what is to be worked on now.

        Args:
            new: how many of those that are complete were not given yet.
            complete: how many are complete.
            now: the time.
            growing: whether others are still being written.
        """
        if new > self._new:
            self._arrived = now
        self._new = new
        if not new and not self._is_rest_left:
            self._ungrouped_since = None
            return None
        if self._ungrouped_since is None:
            self._ungrouped_since = now
        is_pause = not growing and now - self._arrived >= complete * PAUSE_A_PHOTO
        if is_pause or now - self._ungrouped_since >= REGROUP_AFTER:
            return "all"
        waited = now - max(self._ungrouped_since, self._given)
        return "new" if new and waited >= LONGEST_WAIT else None

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be given, if not yet."""
        return self._ungrouped_since is not None

    def given(self, which: Literal["all", "new"], now: float) -> None:
        """Note that they were worked on."""
        self._new, self._given, self._is_rest_left = 0, now, which == "new"
        if which == "all":
            self._ungrouped_since = None


def _opens(file: Path) -> bool:
    """Whether nobody keeps it to himself: who still writes a file on Windows usually does."""
    try:
        with open_regular(file):
            return True
    except OSError:
        return False


class _Bell(FileSystemEventHandler):
    """Rings when something happens to photographs, and notes which have got their name by a renaming."""

    def __init__(self, rung: Event) -> None:
        self.rung = rung
        self.renamed: list[Path] = []

    def on_any_event(self, event: FileSystemEvent) -> None:
        names = [Path(str(name)) for name in (event.src_path, event.dest_path) if name]
        if not event.is_directory and not any(_is_photo(name) for name in names):
            return
        if isinstance(event, FileMovedEvent) and not _is_photo(names[0]):
            self.renamed.append(names[-1])
        self.rung.set()


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos to be worked on."""

    photos: list[Photo]
    is_all: bool
    """Whether these are all that are complete, to be grouped; else they are new, and more are coming."""


@dataclass(slots=True)
class Watcher:
    """Gives the photos of a folder to be worked on, again whenever more of them are complete."""

    folder: Path
    """Its own path, through all links."""
    tell: Callable[[str], object]
    """Told what a person should know, in a sentence."""
    settle: float = SETTLE
    poll: float | None = None
    """Seconds after which to look again, where the system tells nothing, as of a network drive."""

    def batches(self) -> Generator[Batch]:
        """Give photos that are complete, each time that there are new ones among them, for ever.

        What is given counts as worked on when the next is asked for: see ``Flow``. The last that came are
        always given with all others in the end.
        """
        settling, flow, rung = Settling(self.settle), Flow(), Event()
        worked_on: set[tuple[Photo, State]] = set()
        with contextlib.ExitStack() as stack:
            listening = _Listening(self.folder, self.tell, rung, told=self.poll is None)
            stack.callback(listening.stop)
            listening.follow()
            self.tell(f"Watching {spelt(self.folder)}.")
            while True:
                photos = self._photos(listening)
                now = time.monotonic()
                complete, growing = settling.sort(photos, now, listening.renamed())
                new = [photo for photo in complete if settling.state(photo) not in worked_on]
                due = flow.due(len(new), len(complete), now, growing=bool(growing))
                if due is None:
                    pause = len(complete) * PAUSE_A_PHOTO if flow.is_waiting else math.inf
                    self._wait(rung, listening, self.settle / 4 if growing else pause)
                    continue
                batch = Batch(complete, is_all=True) if due == "all" else Batch(new, is_all=False)
                states = {settling.state(photo) for photo in batch.photos}
                yield batch
                worked_on = states if batch.is_all else worked_on | states
                flow.given(due, time.monotonic())

    def _photos(self, listening: _Listening) -> list[Photo]:
        """Wait for the folder to be there, and find what is in it."""
        while True:
            listening.follow()
            try:
                return find_photos(self.folder)
            except PhotoGone:  # taken away while it was looked at
                time.sleep(min(self.settle, 0.2))
            except PhotoError as error:
                self.tell(f"{error}.")
                time.sleep(_STAT_EVERY)

    def _wait(self, rung: Event, listening: _Listening, seconds: float) -> None:
        """Until it is worth another look: because of what was seen after so many seconds, else seldom."""
        until = time.monotonic() + min(seconds, self.poll or _LOOK_ANYWAY)
        while (left := until - time.monotonic()) > 0 and listening.is_same():
            if rung.wait(min(left, _STAT_EVERY)):
                rung.clear()
                return


@dataclass(slots=True)
class _Listening:
    """Has the system tell of a folder, which may go away and come back as another one."""

    folder: Path
    tell: Callable[[str], object]
    rung: Event
    told: bool
    """Whether the system is to tell at all."""
    _bell: _Bell = field(init=False)
    _observer: BaseObserver | None = field(init=False, default=None)
    _followed: tuple[int, int] | None = field(init=False, default=None)
    """Which folder it is, by its drive and number there."""

    def __post_init__(self) -> None:
        self._bell = _Bell(self.rung)

    def is_same(self) -> bool:
        """Whether the folder is there, and still the one that is listened to."""
        return _identity(self.folder) == self._followed is not None

    def follow(self) -> None:
        """Wait until the folder is there, and listen to the one that is."""
        if self.is_same():
            return
        self.stop()
        if _identity(self.folder) is None:
            self.tell(f"{spelt(self.folder)} is away: waiting until its card or drive is back.")
            while _identity(self.folder) is None:
                time.sleep(_AWAY_EVERY)
            self.tell(f"{spelt(self.folder)} is back.")
        self._followed = _identity(self.folder)
        if self.told:
            self._observe()

    def _observe(self) -> None:
        observer = Observer()
        try:
            observer.schedule(self._bell, str(self.folder), recursive=True, event_filter=_EVENTS)
            observer.start()
        except OSError as error:
            self.tell(
                f"The system does not tell of changes in {spelt(self.folder)} ({error.strerror}): "
                f"looking every {_LOOK_ANYWAY:.0f} s."
            )
            return
        self._observer = observer

    def renamed(self) -> list[Path]:
        """The photos that have got their name since the last call, having had one of no photo before."""
        found, self._bell.renamed = self._bell.renamed, []
        return found

    def stop(self) -> None:
        """Be told no more."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
        self._observer = self._followed = None


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
