"""Names exported files by a template: names that every system takes, and no two alike.

Two names count as alike where any file system would take them for one: whatever their case, and whether an
accent is a character of its own.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_LONGEST = 180  # bytes, which leaves room for a number, a suffix, and what a file has while it is written
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a name can be made of; what is not known of a photograph is told by a word for it."""

    name: str
    sequence: int
    session: str
    captured: datetime | None = None
    camera: str | None = None
    score: float | None = None

    def fields(self) -> dict[str, str]:
        """By the names of ``config.NAME_FIELDS``."""
        when = self.captured
        return {
            "name": self.name,
            "sequence": f"{self.sequence:04}",
            "session": self.session,
            "date": when.strftime("%Y-%m-%d") if when else "undated",
            "time": when.strftime("%H-%M-%S") if when else "untimed",
            "camera": (self.camera or "").strip() or "unknown camera",
            "score": "unrated" if self.score is None else f"{self.score:.1f}",
        }


def named(template: str, photo: Named) -> str:
    """Fill in a template that ``config.json`` may have, and make the result safe on every system.

    Characters that Windows does not allow and bytes that are no text become ``_``, its device names get one
    in front, and a name does not begin with a dot, nor end with one or a space.
    """
    text = _UNSAFE.sub("_", template.format_map(photo.fields())).strip(" ").lstrip(".").rstrip(" .")
    if _RESERVED.match(text):
        text = f"_{text}"
    return _shortened(text) or "photo"


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names with ``-2``, ``-3`` and so on after those that an earlier one is like already.

    So a name depends on those before it alone: names that are added at the end change none.
    """
    taken: dict[str, int] = {}
    found = []
    for name in names:
        own = name
        while (key := alike(own)) in taken:
            taken[alike(name)] += 1
            own = f"{name}-{taken[alike(name)]}"
        taken[key] = 1
        found.append(own)
    return found


def alike(name: str) -> str:
    """Return what is equal for names that count as alike."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shortened(text: str) -> str:
    while len(os.fsencode(text)) > _LONGEST:
        text = text[:-1].rstrip(" .")
    return text
