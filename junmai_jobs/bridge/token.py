"""The token that changes need: of the environment, else of a file that its owner alone can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from junmai_jobs.errors import ConfigError

if TYPE_CHECKING:
    from junmai_jobs.config import Config

VARIABLE = "JUNMAI_TOKEN"
_SHORTEST = 16


def token_file(config: Config) -> Path:
    """Where the token is, unless the environment has one."""
    return config.home / "bridge-token"


def token_for(config: Config) -> str:
    """The token; one is made where there is none.

    Raises:
        ConfigError: it is too short to be one, or others can read it.
    """
    given = os.environ.get(VARIABLE, "").strip()
    return _checked(given, VARIABLE) if given else _from_file(token_file(config))


def _from_file(file: Path) -> str:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:  # noqa: PTH123
            new.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        pass
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise ConfigError(f"others can read the token in {file}: delete it, and another one is made")
    return _checked(file.read_text("utf-8").strip(), str(file))


def _checked(token: str, where: str) -> str:
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise ConfigError(f"the token in {where} is none: give {_SHORTEST} or more letters and digits")
    return token
