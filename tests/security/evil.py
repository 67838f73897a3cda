"""Text by which somebody means harm to a terminal."""

from __future__ import annotations

EVIL = (
    "\x1b[31mred\x1b]0;title\x07\r\nERROR fake\u2028\u2029\u202egpj.exe\u2066\u200f\x9b2J\x7f\t[bold]x[/bold]"
)


def is_clean(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)
