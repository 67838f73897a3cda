"""The address of a server, taken apart: one host, several, or sentinels that know a service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Place = tuple[str, int]
"""A host and a port."""

_REDIS_PORT, _SENTINEL_PORT = 6379, 26379
_TEXT, _YES_OR_NO = re.compile(r".+", re.DOTALL), re.compile(r"true|false", re.IGNORECASE)
_SECONDS = re.compile(r"(?=.*[1-9])[0-9]{1,5}(\.[0-9]{1,3})?")
# What may follow the ?, as redis-py names it.
_OF_A_SERVER = {
    "db": re.compile(r"[0-9]{1,9}"),
    "username": _TEXT,
    "password": _TEXT,
    "client_name": re.compile(r"[!-~]+"),
    "socket_timeout": _SECONDS,
    "socket_connect_timeout": _SECONDS,
    "protocol": re.compile(r"[23]"),
}
_OF_TLS = {
    **dict.fromkeys(("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password"), _TEXT),
    "ssl_cert_reqs": re.compile(r"none|optional|required"),
    "ssl_check_hostname": _YES_OR_NO,
}
_OF_SENTINELS = {"sentinel_username": _TEXT, "sentinel_password": _TEXT}
_WITH_HOSTS = re.compile(r"([^/?:]+://)([^/?]*)(.*)")
_SCHEMES = {"redis", "rediss", "redis+sentinel", "rediss+sentinel"}


class NoAddress(ValueError):  # noqa: N818 - the end of a sentence about a URL, never seen as an error
    """Why a URL is no address of a server; nothing of it is repeated that may be secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to look for a server."""

    places: tuple[Place, ...]
    """In the order in which they are to be tried; empty for a Unix socket."""
    service: str | None
    """What the sentinels at these places call the server; None where it is there itself."""
    plain: str
    """What redis-py needs to know beside the places, as a URL of the kind that it reads."""


def parse_address(url: str) -> Address:
    """Take a URL apart.

    Raises:
        NoAddress: it is no address of a server.
    """
    if re.search(r"\s|#", url):
        raise NoAddress("it has a space or a # in it")
    try:
        return _taken_apart(url)
    except NoAddress:
        raise
    except ValueError:
        raise NoAddress("it cannot be read") from None


def _taken_apart(url: str) -> Address:
    # Several hosts, one of them in brackets, are none to newer versions of ``urlsplit``.
    start, netloc, rest = found.groups() if (found := _WITH_HOSTS.fullmatch(url)) else (url, "", "")
    parts = urlsplit(f"{start}{'-' if netloc else ''}{rest}")
    if parts.scheme == "unix" and len(parts.path) > 1:
        if "\0" in unquote(parts.path):
            raise NoAddress("there is no such path")
        _check_options(parts.query, _OF_A_SERVER)
        return Address((), None, url)
    scheme, _, sentinel = parts.scheme.partition("+")
    path = re.fullmatch(r"/([^/]+)(/[0-9]{0,9})?" if sentinel else r"()(/?[0-9]{0,9})", parts.path)
    if parts.scheme not in _SCHEMES or path is None:
        raise NoAddress("its scheme, service or database is wrong")
    user, at, hosts = netloc.rpartition("@")
    port = _SENTINEL_PORT if sentinel else _REDIS_PORT
    places = tuple(_place(host, port) for host in hosts.split(","))
    _check_options(
        parts.query,
        _OF_A_SERVER | (_OF_TLS if scheme == "rediss" else {}) | (_OF_SENTINELS if sentinel else {}),
    )
    plain = SplitResult(scheme, f"{user}{at}-", path[2] or "", parts.query, "").geturl()
    return Address(places, unquote(path[1]) if sentinel else None, plain)


def _check_options(query: str, known: dict[str, re.Pattern[str]]) -> None:
    """Refuse what redis-py would not understand, or would take for something else than a text says."""
    if "@" in query:  # it may be the end of a password with a ? in it
        raise NoAddress("it has a ? or an @ that must be written as %3F or %40")
    given = parse_qsl(query, keep_blank_values=True, errors="strict")
    for name, value in given:
        if name not in known:
            raise NoAddress(f"it has no option {name!r}; there are {', '.join(known)}")
        if not known[name].fullmatch(value) or "\0" in value or [each for each, _ in given].count(name) > 1:
            raise NoAddress(f"its option {name} has a value that it cannot have, or is given twice")


def _place(text: str, port: int) -> Place:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port == 0:
        raise NoAddress("a host is missing, or a port is wrong")
    return unquote(parts.hostname), parts.port or port
