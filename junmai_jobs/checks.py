"""What a setting may be: a check takes a value as JSON has it and returns the field's, or raises ``Bad``."""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import urlsplit

from junmai_jobs.address import NoAddress, parse_address

Check = Callable[[Any], Any]


class Bad(ValueError):  # noqa: N818 - config.py turns it into a ConfigError before anybody sees it
    """What is wrong with a value, as the end of a sentence, and where inside the value."""

    def __init__(self, what: str, *where: str | int) -> None:
        super().__init__(what)
        self.where = where


def must_be(
    expected: str, fits: Callable[[Any], object], make: Check = lambda value: value, *, secret: bool = False
) -> Check:
    """A check from a predicate; what is secret is not repeated in the error."""

    def check(value: Any) -> Any:
        if fits(value):
            return make(value)
        raise Bad(f"must be {expected}" + ("" if secret else f", not {_shown(value)}"))

    return check


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and "@" in value:
        return '"***"'  # an address in a wrong place may have a password in it
    quoted = isinstance(value, str) and re.fullmatch(r"-?[0-9]+|true|false", value)
    return f"{json.dumps(value, ensure_ascii=False, default=str):.60}" + (
        " (leave out the quotes)" if quoted else ""
    )


def _matches(pattern: str) -> Callable[[Any], object]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value)


def whole(low: int, high: int) -> Check:
    """An integer; a bool is none."""
    return must_be(
        f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high
    )


def number(low: float, high: float) -> Check:
    """A number within limits, kept as a float."""

    def fits(value: Any) -> bool:
        return type(value) in {int, float} and low <= value <= high

    return must_be(f"a number from {low:g} to {high:g}", fits, float)


def one_of(*choices: str) -> Check:
    """One of a few words."""
    return must_be(f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices)


def number_or(low: float, high: float, *choices: str) -> Check:
    """A finite number, or one of a few words."""
    of_numbers = number(low, high)
    expected = f"one of {', '.join(choices)}, or a number from {low:g} to {high:g}"

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in choices:
            return value
        try:
            return of_numbers(value)
        except Bad:
            raise Bad(f"must be {expected}, not {_shown(value)}") from None

    return check


def template(*fields: str) -> Check:
    """A text for one file's name, in which ``{field}`` stands for one of these and nothing else."""
    known = ", ".join(f"{{{field}}}" for field in fields)

    def check(value: Any) -> str:
        given = text(value)
        try:
            parts = [part for part in Formatter().parse(given) if part[1] is not None]
        except ValueError:
            raise Bad(f"must have pairs of braces, as in {{name}}, not {_shown(given)}") from None
        for _, field, form, conversion in parts:
            if field not in fields or form or conversion:
                raise Bad(f"has {{{field}}} in a way that is not known; known here: {known}")
        if set(given) & {"/", "\\", "\0"}:
            raise Bad(f"must be the name of a file, without a folder, not {_shown(given)}")
        return str(given)

    return check


def origin(example: str) -> Check:
    """A web address without a path."""
    pattern = r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?"
    return must_be(f"{example}, nothing behind it", _matches(pattern))


def optional(check: Check) -> Check:
    """Null, or what ``check`` allows."""
    return lambda value: None if value is None else check(value)


def list_of(check: Check) -> Check:
    """A list in which nothing stands twice."""
    is_list = must_be("a list in [brackets]", lambda value: isinstance(value, list | tuple))

    def check_list(value: Any) -> tuple[Any, ...]:
        items = tuple(inside(index, check, item) for index, item in enumerate(is_list(value)))
        for index, item in enumerate(items):
            if item in items[:index]:
                raise Bad("stands in the list twice", index)
        return items

    return check_list


def object_with(known: dict[str, Check]) -> Check:
    """An object that has none but these keys, as a dict."""
    is_object = must_be(f"an object with {', '.join(known)}", lambda value: isinstance(value, dict))

    def check(value: Any) -> dict[str, Any]:
        for key in is_object(value):
            if key not in known:
                raise Bad(unknown(key, known), key)
        return {key: inside(key, known[key], item) for key, item in value.items()}

    return check


def inside(where: str | int, check: Check, value: Any) -> Any:
    """Check a part of a value; its ``Bad`` tells which part."""
    try:
        return check(value)
    except Bad as bad:
        raise Bad(str(bad), where, *bad.where) from None


def unknown(key: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """What to say of a key that does not exist: the nearest that does, here or in another section."""
    from difflib import get_close_matches  # noqa: PLC0415 - only who is wrong needs it

    known = sorted(known)
    close = get_close_matches(key, known, 1) or [name for name in elsewhere if name.endswith(f".{key}")]
    return "is not known; " + (f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}")


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _folder_at(value: Any) -> Path | None:
    """The folder of a full path; None where no file system has such a path, or no user such a home."""
    try:
        path = Path(value).expanduser()
        os.fsencode(path)
    except (TypeError, ValueError, RuntimeError):
        return None
    return path if path.is_absolute() and "\0" not in str(path) else None


def _is_safe_address(value: Any) -> bool:
    """Whether what is sent to a web address can be read by nobody on the way, or only in the own network."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[!-~]+", value):
        return False
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or _is_near(host))


def _is_near(host: str) -> bool:
    """Whether a host is this computer, or can only be one of the own network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".home.arpa"))
    return address.is_private and not address.is_unspecified


def _is_webhook_secret(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith("whsec_"):
        return False
    try:
        return 24 <= len(base64.b64decode(value.removeprefix("whsec_"), validate=True)) <= 64
    except ValueError:
        return False


text = must_be("a text that is not empty", lambda value: isinstance(value, str) and value.strip())
yes_or_no = must_be("true or false", lambda value: isinstance(value, bool))
name = must_be(
    "1 to 128 of a-z, 0-9, '.', '_' and '-', a letter or digit first", _matches(r"[a-z0-9][a-z0-9._-]{0,127}")
)
host = must_be("a host name or an IP address", _matches(r"[\w.-]+|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f.:]*"))
module = must_be("the name of a Python module, as in studio.tasks", _matches(r"[^\W\d]\w*(\.[^\W\d]\w*)*"))
folder = must_be("the full path of a folder", _folder_at, _folder_at)
command = must_be(
    'a list of words, as in ["notify-send", "Junmai"]; no shell reads it',
    lambda value: isinstance(value, list | tuple) and value and all(_is_word(word) for word in value),
    tuple,
)
named_object = must_be(
    'an object with a "name"', lambda value: isinstance(value, dict) and isinstance(value.get("name"), str)
)
web_address = must_be(
    "an address that begins with https://, or with http:// if it is in your own network",
    _is_safe_address,
    secret=True,
)
webhook_secret = must_be(
    "whsec_ and 24 to 64 random bytes in base64, as the receiver shows it, or of `openssl rand -base64 32`",
    _is_webhook_secret,
    secret=True,
)


def redis_address(value: Any) -> str:
    """The address of a server; of a wrong one nothing is repeated that may be secret."""
    expected = (
        "must be redis://[:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][/DB], rediss://..., "
        "redis+sentinel://.../SERVICE[/DB] or unix:///PATH, special characters as %XX"
    )
    if not isinstance(value, str):
        raise Bad(expected)
    try:
        parse_address(value)
    except NoAddress as error:
        raise Bad(f"{expected}; {error}") from None
    return value
