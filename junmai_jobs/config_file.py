"""The file of the settings: read, checked key by key, and refused with the line that is wrong."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from junmai_jobs import checks
from junmai_jobs.checks import Bad, Check
from junmai_jobs.errors import ConfigError
from junmai_jobs.files import read_small

Place = tuple[str | int, ...]  # what leads to a value in the file: ("queues", "order", 0)

# Keys of the original's file, accepted whatever they hold; those that no field uses are listed as unused.
_ORIGINAL: set[Place] = {(key,) for key in ("system", "ai", "export", "notifications", "ui", "version")}
_ORIGINAL |= {("processing", f"auto_{step}") for step in ("import", "select", "develop", "export")}

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


@dataclass(frozen=True, slots=True)
class Setting:
    """What there is to know of one setting."""

    key: str  # in the file, dotted
    check: Check
    env: tuple[str, ...] = ()  # the first that is set counts
    read: Callable[[str], Any] = str  # makes a variable's text a value to check
    show: Callable[[str], str] = str  # hides what is secret

    @property
    def place(self) -> Place:
        """Where it stands in the file."""
        return tuple(self.key.split("."))


def checked(label: str, check: Check, value: Any) -> Any:
    """The field's value; a ``ConfigError`` begins with the label."""
    try:
        return check(value)
    except Bad as bad:
        raise ConfigError(f"{_dotted((label, *bad.where))} {bad}") from None


def _dotted(place: Place) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


def _is_open(file: Path) -> bool:
    """Whether other users may read it; where that is told in another way, it is not known."""
    return os.name == "posix" and bool(file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


class ConfigFile:
    """One config.json: in ``found`` the fields that it sets, and ``file``, ``unused`` and ``exposed``.

    Args:
        file: where it is.
        settings: all that there are, by the names of their fields.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong.
    """

    def __init__(self, file: Path, settings: Mapping[str, Setting]) -> None:
        self.file = file
        self._settings = settings
        self._names = {setting.place: name for name, setting in settings.items()}
        self._sections = {place[:length] for place in self._names for length in range(len(place))}
        self.unused: list[str] = []
        self.found: dict[str, Any] = {"file": file}
        try:
            text = read_small(file)
            content = json.loads(text)
        except UnicodeDecodeError:
            raise ConfigError(f"{file} is not UTF-8; save it in that encoding") from None
        except OSError as error:
            elsewhere = "name another with --config or JUNMAI_CONFIG"
            raise ConfigError(f"{file} cannot be read: {error.strerror}; {elsewhere}") from None
        except json.JSONDecodeError as error:
            comment = error.doc.startswith(("//", "/*", "#"), error.pos)
            what = (
                "JSON has no comments; take this one out" if comment else f"{error.msg}, column {error.colno}"
            )
            raise ConfigError(f"{file}, line {error.lineno}: {what}") from None
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{file} cannot be read as JSON: {error}") from None
        self._lines: dict[Place, int] = {}
        self._find_lines(text)
        self._visit((), content)
        self.found["unused"] = tuple(self.unused)
        self.found["exposed"] = self._has_secret() and _is_open(file)

    def _has_secret(self) -> bool:
        """Whether something in it is never shown."""
        hidden = ((self.found.get(name), setting.show) for name, setting in self._settings.items())
        return any(isinstance(value, str) and show(value) != value for value, show in hidden)

    def _find_lines(self, text: str) -> None:
        """Note the line of every key and list item of a text that is known to be JSON."""
        here: list[str | int] = []  # of each open container, the key or position that is being read
        before, line, end = "", 1, 0
        for match in _TOKEN.finditer(text):
            line += text.count("\n", end, match.start())
            piece, end = match[0], match.start()
            if piece == ":":
                here[-1] = json.loads(before)
                if tuple(here) in self._lines:
                    raise ConfigError(
                        f"{self.file}, line {line}: {_dotted(tuple(here))} is given twice; keep one"
                    )
                self._lines[tuple(here)] = line
            elif piece in {"}", "]"}:
                here.pop()
            elif piece == "," and isinstance(here[-1], int):
                here[-1] += 1
            elif here and isinstance(here[-1], int):
                self._lines.setdefault(tuple(here), line)
            if piece in {"{", "["}:
                here.append("" if piece == "{" else 0)
            before = piece

    def _error(self, place: Place, what: str) -> ConfigError:
        known = (self._lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in self._lines)
        return ConfigError(f"{self.file}, line {next(known, 1)}: {_dotted(place) or 'the whole'} {what}")

    def _visit(self, place: Place, value: Any) -> None:
        original = place[:1] in _ORIGINAL or place[:2] in _ORIGINAL
        if name := self._names.get(place):
            try:
                self.found[name] = self._settings[name].check(value)
            except Bad as bad:
                raise self._error(place + bad.where, str(bad)) from None
        elif isinstance(value, dict) and (place in self._sections or (original and value)):
            for key, item in value.items():
                self._visit((*place, key), item)
        elif place in self._sections:
            raise self._error(place, "must be an object in {braces}")
        elif original:
            self.unused.append(_dotted(place))
        else:
            known = self._names.keys() | self._sections | _ORIGINAL
            here = [
                str(other[-1]) for other in known if other[:-1] == place[:-1] and len(other) == len(place)
            ]
            raise self._error(
                place, checks.unknown(str(place[-1]), here, [s.key for s in self._settings.values()])
            )
