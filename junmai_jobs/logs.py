"""The worker's log: one line an event, to the terminal or a file, safe against what is in the data."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FORMAT = "%(asctime)s %(levelname)-7s %(process)d %(message)s"


class _OneLine(logging.Formatter):
    """Control characters are shown as escapes, so that no value can forge a line or colour the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )


def start_logging(level: str, file: str | None) -> None:
    """Log what ``junmai_jobs`` does at ``level`` and above, to a file if one is named, else to stderr."""
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
    handler.setFormatter(_OneLine(_FORMAT))
    logger = logging.getLogger("junmai_jobs")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
