"""The address of a server, taken apart: one host, several, or sentinels that know a service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

Place = tuple[str, int]
"""A host and a port."""

_REDIS_PORT, _SENTINEL_PORT = 6379, 26379
_SCHEMES = {"redis", "rediss", "redis+sentinel", "rediss+sentinel"}


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
        ValueError: it is no address of a server.
    """
    if re.search(r"\s|#", url):
        raise ValueError("it has a space or a # in it")
    parts = urlsplit(url)
    if parts.scheme == "unix" and len(parts.path) > 1:
        return Address((), None, url)
    scheme, _, sentinel = parts.scheme.partition("+")
    path = re.fullmatch(r"/([^/]+)(/[0-9]{0,9})?" if sentinel else r"()(/?[0-9]{0,9})", parts.path)
    if parts.scheme not in _SCHEMES or path is None:
        raise ValueError("its scheme, service or database is wrong")
    user, at, hosts = parts.netloc.rpartition("@")
    port = _SENTINEL_PORT if sentinel else _REDIS_PORT
    places = tuple(_place(host, port) for host in hosts.split(","))
    plain = SplitResult(scheme, f"{user}{at}-", path[2] or "", parts.query, "").geturl()
    return Address(places, unquote(path[1]) if sentinel else None, plain)


def _place(text: str, port: int) -> Place:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port == 0:
        raise ValueError("a host is missing, or a port is wrong")
    return unquote(parts.hostname), parts.port or port
