"""Numbers and texts as people read them."""

from __future__ import annotations

import unicodedata


def count(number: int, noun: str) -> str:
    """A number of things, as ``1 job`` or ``1,200 jobs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def visible(name: str) -> str:
    """A name that a person has given, in quotes where it is blank."""
    return name if name.strip() else repr(name)


def clean(value: object) -> str:
    """Text on one line, fit for a terminal: control characters and the like are shown as escapes."""
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else _escaped(char)
        for char in str(value)
    )


def clean_lines(text: object) -> str:
    """The same of text of several lines, whose ends stay as they are."""
    return "\n".join(clean(line) for line in str(text).split("\n"))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()
