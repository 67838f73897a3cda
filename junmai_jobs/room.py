"""Whether the disks of this computer have room for what jobs say that they will write.

Only what is here can be looked at: of a folder that is not, the nearest around it that is counts; where that
is the root, the folder is taken for one of another computer, and nothing is refused for it.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs.errors import DiskFull, OptionError

if TYPE_CHECKING:
    from junmai_jobs.job import NewJob

MEGABYTE = 2**20
Writes = Mapping[Path, int]
"""Bytes, by the folder or file that they will be written to."""
Disk = Callable[..., Mapping[Any, Any]]
"""Says of a call, by its arguments, how many bytes it will write, by folder or file: a task's ``disk=``."""


@dataclass(frozen=True, slots=True)
class Room:
    """What some jobs need of one disk, beside what it has."""

    folder: Path
    """Where they write, or most of it."""
    bytes: int
    free_bytes: int
    reserve: int
    """Bytes that are left free at most: as much again as is needed, and no more than this."""

    @property
    def is_enough(self) -> bool:
        """Whether they may be submitted."""
        return self.bytes + min(self.bytes, self.reserve) <= self.free_bytes

    @property
    def problem(self) -> str:
        """What is wrong, and what to do."""
        return (
            f"{self.folder} needs about {in_mb(self.bytes)}, and {in_mb(min(self.bytes, self.reserve))} are "
            f"to stay free, but its disk has {in_mb(self.free_bytes)}: free some space there, write to "
            "another disk, or lower processing.disk_reserve_mb (off: nothing is refused)"
        )


def in_mb(amount: float) -> str:
    """Bytes for people."""
    amount /= MEGABYTE
    return f"{amount:,.1f} MB" if amount < 10 else f"{amount:,.0f} MB"


def declared(disk: Disk, task: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Writes:
    """What a task's ``disk`` says of a call.

    Raises:
        OptionError: it raises something, or gives anything but a dict of bytes by folder.
    """
    try:
        told = dict(disk(*args, **kwargs))
        writes = {Path(folder): int(amount) for folder, amount in told.items()}
    except Exception as error:  # noqa: BLE001 - it is a user's
        form = "it must give bytes by folder, as {folder: 5_000_000}"
        raise OptionError(f"disk of {task}: {form}: {type(error).__name__}: {error}") from None
    if any(amount < 0 for amount in writes.values()):
        raise OptionError(f"disk of {task} gives {told!r}: bytes cannot be negative")
    return writes


def rooms(needs: Iterable[Writes], reserve: int) -> list[Room]:
    """What jobs need of each disk that is here, the sum of all of them."""
    folders = Counter[Path]()
    for each in needs:
        folders.update(each)
    found: dict[int, Room] = {}
    for folder, amount in folders.most_common():
        if not amount or (place := _disk_of(folder)) is None:
            continue
        device, free = place
        room = found.get(device) or Room(folder, 0, free, reserve)
        found[device] = replace(room, bytes=room.bytes + amount)
    return list(found.values())


def _disk_of(folder: Path) -> tuple[int, int] | None:
    """The number of its disk, and bytes free, by the nearest folder or file of its path that is there."""
    if str(folder)[:2] in {"//", r"\\"}:  # of another computer, which must not even be asked
        return None
    whole = folder.absolute()
    for there in (whole, *whole.parents):
        if there == Path(there.anchor) != whole:
            break
        try:
            device, disk = there.stat().st_dev, shutil.disk_usage(there)
        except (OSError, ValueError):  # the second: it is no path at all
            continue
        return None if disk == (0, 0, 0) else (device, disk.free)  # some file systems do not tell
    return None


def check_room(needs: Iterable[Writes], reserve: int | None) -> None:
    """Refuse what the disks cannot hold.

    Args:
        needs: what each job will write.
        reserve: bytes that are to stay free, see ``Room``; None: nothing is refused.

    Raises:
        DiskFull: the first disk that has no room.
    """
    if reserve is not None:
        for room in rooms(needs, reserve):
            if not room.is_enough:
                raise DiskFull(room.problem)


def admitted(
    jobs: Iterable[NewJob], reserve: int | None, there: Callable[[Sequence[str]], Collection[str]]
) -> Iterator[NewJob]:
    """These jobs; those from the first on whose task says what it writes only if there is room for them all.

    So all of these are made before the first of them is given. Those that are ``there`` already, which tells
    of ids, write nothing more; that is asked where there is no room.

    Raises:
        DiskFull: see ``check_room``.
    """
    left = iter(jobs)
    for job in left:
        if job.writes is None:
            yield job
        else:
            rest = [job, *left]
            new = {each.id: each.writes for each in rest if each.writes and each.answer is None}
            try:
                check_room(new.values(), reserve)
            except DiskFull:
                known = there(list(new))
                check_room((writes for job_id, writes in new.items() if job_id not in known), reserve)
            yield from rest
