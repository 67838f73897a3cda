"""The log: one event a line, as text, logfmt or JSON, bounded, and safe against what is in the data.

An event is a record of the standard library's ``logging`` whose ``extra`` has its name (``event``) and its
fields; docs/logs.md lists them all. Any number of processes may write to one file, and whoever finds it full
moves it aside.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from junmai_jobs.files import make_private_folder, private

if TYPE_CHECKING:
    from junmai_jobs.config import Config

if sys.platform != "win32":
    import fcntl

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("text", "logfmt", "json")
_TEXT = "%(asctime)s %(levelname)-7s %(process)d %(message)s"
_OURS = "junmai_jobs"
_FIRST = ("worker", "slot", "job", "attempt", "token", "task", "queue")
_MOST_FIELDS, _LONGEST_VALUE, _LONGEST_TEXT = 32, 2_000, 16_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_BARE = re.compile(r"[^\s\"=\\]+")
_OF_ANY_RECORD = {*vars(logging.makeLogRecord({})), "taskName", "message", "asctime"}


class LogForm(NamedTuple):
    """How the log is written."""

    format: str = "text"
    """One of ``FORMATS``."""
    max_mb: float = 64.0
    """The file is moved aside when it is larger; 0: never."""
    keep: int = 4
    """How many of those are kept, from 1 on."""

    @classmethod
    def of(cls, config: Config) -> LogForm:
        """As the configuration says."""
        return cls(config.logformat, config.logfile_max_mb, config.logfile_keep)


def start_logging(
    level: str,
    file: str | None,
    form: LogForm = LogForm(),  # noqa: B008 - it cannot be changed
    *,
    always: Mapping[str, object] = MappingProxyType({}),
    here: Callable[[], Mapping[str, object]] = dict,
) -> None:
    """Log what ``junmai_jobs`` does at ``level`` and above, to a file if one is named, else to stderr.

    Args:
        level: one of ``LEVELS``.
        file: made with its folder, for its owner alone.
        form: how the lines look, and when the file is moved aside.
        always: fields that all events of this process have.
        here: asked for those of the thread that tells an event.

    Raises:
        OSError: the file cannot be written.
    """
    handler = _ToTerminal() if file is None else _ToFile(file, form)
    handler.addFilter(_About(always, here))
    handler.setFormatter({"json": _Json, "logfmt": _Logfmt}.get(form.format, _Text)(_TEXT))
    logger = logging.getLogger(_OURS)
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def log_others() -> None:
    """Have what tasks and libraries log go the same way, unless the program has its own for that.

    Their DEBUG lines stay out: nobody knows what is in them.
    """
    root, ours = logging.getLogger(), logging.getLogger(_OURS)
    if not root.handlers:
        root.handlers = ours.handlers[:]
        root.setLevel(max(ours.level, logging.INFO))


class _About(logging.Filter):
    """Adds to each record what its process and its thread are about, which nothing in it can overrule."""

    def __init__(self, always: Mapping[str, object], here: Callable[[], Mapping[str, object]]) -> None:
        super().__init__()
        self._always, self._here = always, here

    def filter(self, record: logging.LogRecord) -> bool:
        vars(record).update(self._always)
        vars(record).update(self._here())
        try:
            record.getMessage()
        except Exception:  # noqa: BLE001 - a task's mistake is no reason to lose what it wanted to say
            record.msg, record.args = f"{_said(record.msg)} % {_said(record.args)}", None
        return True


# ---- forms ---------------------------------------------------------------------------------------


class _Text(logging.Formatter):
    """For people: what others than us tell says who does, and in which job."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        if not record.name.startswith(_OURS):
            job = getattr(record, "job", None)
            who = f"job {job} attempt {getattr(record, 'attempt', '?')}, " if job else ""
            record.message = f"{who}{record.name}: {record.message}"
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return _printable(_cut(super().format(record), _LONGEST_TEXT))


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return _printable(json.dumps(_fields(record), ensure_ascii=False, separators=(",", ":")))


class _Logfmt(logging.Formatter):
    """``key=value``; a value with blanks, quotes or signs in it is a JSON string."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_word(value)}" for name, value in _fields(record).items())


def _word(value: str | float | bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    bare = _BARE.fullmatch(text) and text.isprintable()
    return text if bare else _printable(json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    """Control characters as JSON's escapes, so that no value can forge a line or steer the terminal."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]


def _fields(record: logging.LogRecord) -> dict[str, str | float | bool]:
    """What the line of an event has, in order; what is None is left out."""
    from junmai_jobs.job import iso  # noqa: PLC0415 - whoever writes text for people does without

    told = vars(record)
    own: dict[str, object] = {
        "ts": iso(record.created),
        "level": record.levelname,
        "event": told.get("event", "log"),
        "message": _cut(record.getMessage(), _LONGEST_TEXT),
        "logger": record.name,
        "pid": record.process,
    }
    for name in (*_FIRST, *told):
        if name in told and name not in own and name not in _OF_ANY_RECORD and _NAME.fullmatch(name):
            own[name] = told[name]
    fields = {name: _plain(value) for name, value in [*own.items()][:_MOST_FIELDS] if value is not None}
    fields["message"] = str(own["message"])
    if record.exc_info or record.stack_info:
        fields["traceback"] = _cut(_trace(record), _LONGEST_TEXT)
    return fields


def _plain(value: object) -> str | float | bool:
    # No method of the value's own is called, which might raise.
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and int.bit_length(value) < 64:
        return value
    return _cut(_said(value), _LONGEST_VALUE)


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a broken __str__ is the task's
        return f"(a {type(value).__name__} that cannot be read)"


def _cut(text: str, most: int) -> str:
    """Its beginning and its end, if it is longer."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


def _trace(record: logging.LogRecord) -> str:
    found = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
    return "\n".join(filter(None, (found, record.stack_info)))


# ---- places --------------------------------------------------------------------------------------


class _Quiet(logging.Handler):
    """It never raises: a task may have closed stderr, and the end of its run must be told all the same."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Nothing: there is nowhere to tell it."""


class _ToTerminal(_Quiet, logging.StreamHandler[TextIO]):
    pass


class _ToFile(_Quiet, logging.handlers.WatchedFileHandler):
    """A file that others write to as well: each line is one write at its end.

    Whoever finds it too large moves it aside, under a lock on the file itself. Who has it open still finishes
    its line there, and then sees that the name leads to another one.
    """

    def __init__(self, file: str, form: LogForm) -> None:
        self._most, self._keep = form.max_mb * 2**20, form.keep
        super().__init__(file, encoding="utf-8", errors="backslashreplace")

    def _open(self) -> Any:
        make_private_folder(Path(self.baseFilename).parent)
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=private)

    def emit(self, record: logging.LogRecord) -> None:
        # OSError: it cannot be opened any more, or there is no room; no locks on this file system; or on
        # Windows another process that has it open.
        with suppress(OSError):
            super().emit(record)
            if self._most and self.stream and os.fstat(self.stream.fileno()).st_size > self._most:
                self._move_aside(self.stream)

    def _move_aside(self, stream: TextIO) -> None:
        if sys.platform == "win32":
            self.close()  # what is open cannot be renamed there; the next line opens it again
            self._shift()
            return
        fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            if os.path.samestat(
                os.fstat(stream.fileno()), Path(self.baseFilename).stat()
            ):  # nobody was faster
                self._shift()
        finally:
            fcntl.flock(stream, fcntl.LOCK_UN)

    def _shift(self) -> None:
        """FILE becomes FILE.1, FILE.1 becomes FILE.2, and so on; the last goes."""
        names = [self.baseFilename, *(f"{self.baseFilename}.{number + 1}" for number in range(self._keep))]
        for old, new in reversed([*pairwise(names)]):
            with suppress(FileNotFoundError):
                Path(old).replace(new)
