"""Files of named tables in TOML: those that come along, and the user's own that are laid over them."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from junmai_jobs.files import read_small
from junmai_jobs.photo.errors import PresetError, spelt

Tables = dict[str, dict[str, Any]]


def shipped_tables(name: str) -> Tables:
    """Read a file of tables that comes with this package."""
    return _parsed(files("junmai_jobs.photo.develop").joinpath(name).read_text("utf-8"), name)


def own_tables(path: Path) -> Tables:
    """Read a file of tables of the user's; without the file there are none.

    Raises:
        PresetError: it cannot be read, is no TOML, or has something outside of a table.
    """
    name = spelt(path)
    try:
        return _parsed(read_small(path), name)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PresetError(f"{name} cannot be read ({error.strerror}): check its permissions") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"{name} is not UTF-8: save it as that") from error


def _parsed(text: str, name: str) -> Tables:
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is the first
        raise PresetError(f"{name} is no TOML: {error}") from None
    for key, value in found.items():
        if not isinstance(value, dict):
            raise PresetError(f"{name}: {key} stands in no table: begin one with [NAME] in the line above it")
    return found
