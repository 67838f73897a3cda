"""Where exports may be put: what a job names is a wish, what ``config.json`` names is a person's word.

And whether a folder of exports is still where it was: one whose drive is away must not be taken for emptied.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from junmai_jobs.photo.errors import ExportRefused, spelt

# fmt: off
_SYSTEMS_OWN = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr",
    "/Applications", "/Library", "/System", "/private/etc",
    *filter(None, map(os.environ.get, ("SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramData"))),
)
# fmt: on
_MEMORY = "/dev/shm"  # noqa: S108 -- a drive like any other, where the system's own files are around it
_REMEDY = "choose another folder, or name it as the destination of an export preset in config.json"


def may_be_written(file: Path, *, trusted: Iterable[Path], closed: Iterable[Path]) -> None:
    """Refuse to put an export where nobody would want one; links in its path are followed first.

    Args:
        file: where it is to go.
        trusted: folders below which it may be, whatever else is said.
        closed: folders below which it may not be, besides those of the system itself; not looked at before it
            is known that ``file`` is on this computer.

    Raises:
        ExportRefused: ``file`` has no full path, is in a closed folder, or on another computer.
    """
    name = f"the destination {spelt(file)} is refused"
    if not file.is_absolute() or ".." in file.parts or "\0" in str(file):
        raise ExportRefused(f"{name}: it is no full path on this computer")
    if any(file.is_relative_to(folder) for folder in trusted):
        return
    if str(file)[:2] in {"//", r"\\"}:  # it must not even be asked
        raise ExportRefused(f"{name}, as it is on another computer: {_REMEDY}")
    real = Path(os.path.realpath(file.parent))
    systems_own = () if real.is_relative_to(_MEMORY) else _SYSTEMS_OWN
    for folder in (*map(Path, systems_own), *closed):
        if real.is_relative_to(os.path.realpath(folder)):
            raise ExportRefused(f"{name}, as no exports belong in {spelt(folder)}: {_REMEDY}")


def drive_of(folder: Path) -> Path:
    """Return where the drive is mounted that a folder lies on."""
    real = Path(os.path.realpath(folder))
    return next((each for each in (real, *real.parents) if os.path.ismount(each)), Path(real.anchor))


def is_away(folder: Path, drive: Path) -> bool:
    """Tell whether a folder that was on the drive mounted at ``drive`` is gone, or the drive is.

    An empty folder tells nothing: it may be the place of a drive, or have been cleared out.
    """
    return not folder.is_dir() or not os.path.ismount(drive)
