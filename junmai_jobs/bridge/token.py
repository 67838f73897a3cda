"""The token that changes need: of the environment, else of a file that its owner alone can read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from junmai_jobs.errors import ConfigError
from junmai_jobs.files import aside, make_private_folder, private, read_small

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs.config import Config

VARIABLE = "JUNMAI_TOKEN"
_SHORTEST = 16


def token_for(config: Config) -> str:
    """The token; one is made where there is none.

    Raises:
        ConfigError: it is too short to be one, or others can read it.
    """
    given = os.environ.get(VARIABLE, "").strip()
    return _checked(given, VARIABLE) if given else _from_file(config.token_file)


def _from_file(file: Path) -> str:
    make_private_folder(file.parent)
    if not file.exists():
        with aside(file) as made, suppress(FileExistsError):  # somebody else was faster
            with open(made, "x", opener=private) as new:
                new.write(secrets.token_urlsafe(32))
            os.link(made, file)
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise ConfigError(f"others can read the token in {file}: delete it, and another one is made")
    return _checked(read_small(file).strip(), str(file))


def _checked(token: str, where: str) -> str:
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise ConfigError(f"the token in {where} is none: give {_SHORTEST} or more letters and digits")
    return token
