"""The worker's log: one line an event, to the terminal or a file, safe against what is in the data."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path
from typing import TextIO

from junmai_jobs.files import make_private_folder, private

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FORMAT = "%(asctime)s %(levelname)-7s %(process)d %(message)s"


class _OneLine(logging.Formatter):
    """Control characters are shown as escapes, so that no value can forge a line or colour the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )


class _Quiet(logging.Handler):
    """It never raises: a task may have closed stderr, and the end of its run must be told all the same."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Nothing: there is nowhere to tell it."""


class _ToTerminal(_Quiet, logging.StreamHandler[TextIO]):
    pass


class _ToFile(_Quiet, logging.handlers.WatchedFileHandler):
    pass


def start_logging(level: str, file: str | None) -> None:
    """Log what ``junmai_jobs`` does at ``level`` and above, to a file if one is named, else to stderr."""
    handler: logging.Handler = _ToTerminal()
    if file is not None:
        make_private_folder(Path(file).parent)
        with open(file, "ab", opener=private):
            handler = _ToFile(file, encoding="utf-8")
    handler.setFormatter(_OneLine(_FORMAT))
    logger = logging.getLogger("junmai_jobs")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
