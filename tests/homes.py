"""How everything under test finds its home, and is not held up by what else the machine does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNGOVERNED = {"JUNMAI_GOVERNOR": "off", "JUNMAI_KEEP_AWAKE": "off"}
"""The tests themselves load the machine, and nobody's computer is to stay awake for them."""


def in_home(home: Path) -> dict[str, str]:
    """The environment of a program with this home."""
    return {"JUNMAI_HOME": str(home), **UNGOVERNED}
