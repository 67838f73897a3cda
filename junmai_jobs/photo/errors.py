"""What can be wrong with a photograph, told so that a photographer knows what to do.

PhotoError
├── PhotoGone           not there, or not to be read just now: may pass, worth a retry
├── UnreadablePhoto     empty, truncated, not a picture, far too large: no retry can help
│   ├── ReaderMissing   perhaps a good file, but nothing installed here can decode it
│   └── PhotoRefused    not where photographs may be opened, or no file at all: nothing of it was read
├── ExportRefused       the export preset asks for what cannot be made of it: no retry can help
├── SidecarError        a sidecar that cannot be read or written just now, and was left as it was
│   └── SidecarRefused  it is no sidecar, or not one that is understood: no retry can help
└── PresetError         a preset or a rule about presets is wrong
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from junmai_jobs.errors import JunmaiJobsError


class PhotoError(JunmaiJobsError):
    """Something is wrong with a photograph or its folder; the message names it and says what to do."""


class PhotoGone(PhotoError):  # noqa: N818 -- named for what happened
    """The file or folder is not there, or cannot be reached just now; that may pass."""


class UnreadablePhoto(PhotoError):  # noqa: N818 -- named for what happened
    """The file can never be worked on as it is: empty, truncated, not a picture, or far too large."""


class ReaderMissing(UnreadablePhoto):
    """The file may be whole, but needs a library that is not installed; the message names it."""


class PhotoRefused(UnreadablePhoto):
    """The path leads out of the folders that may be read, or to no file; nothing of it was read."""


class SidecarError(PhotoError):
    """A sidecar cannot be read, understood or written; it was left as it was."""


class SidecarRefused(SidecarError):  # noqa: N818 -- named for what happened
    """What is there is no sidecar, or none that is understood; a retry will not help."""


class PresetError(PhotoError):
    """A preset or a rule about presets is wrong; the message names the place and what to write instead."""


class ExportRefused(PhotoError):  # noqa: N818 -- named for what happened
    """The export preset asks for what cannot be made of this photograph; a retry will not help."""


def shown(path: Path) -> str:
    """Return the name of ``path`` as it can be printed anywhere: on one line, whatever its bytes are."""
    return spelt(Path(path.name or path))


def spelt(path: Path) -> str:
    """Return the whole ``path`` so: what a terminal would obey, or no text holds, is escaped."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(
        each if each.isprintable() or unicodedata.category(each) == "Zs" else ascii(each)[1:-1]
        for each in text
    )
