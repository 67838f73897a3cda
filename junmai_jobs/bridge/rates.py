"""How often a client may ask, and how often it may guess."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from junmai_jobs.bridge.problems import Refusal

TOKEN = RateLimitItemPerMinute(10, namespace="token")
"""Wrong tokens that a client may send."""
CODE = RateLimitItemPerMinute(5, namespace="code")
"""Wrong codes."""


class Rates:
    """Counts what each client does, in this process. Threads share it.

    Args:
        per_second: so many requests that look at something, and as many that change something.
    """

    def __init__(self, per_second: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._looks = RateLimitItemPerSecond(per_second, namespace="looks")
        self._changes = RateLimitItemPerSecond(per_second, namespace="changes")

    def count_request(self, address: str | None, *, changes: bool) -> None:
        """Note a request.

        Raises:
            Refusal: there were too many in this second.
        """
        self._count(self._changes if changes else self._looks, address, "you ask too often")

    def check_guess(self, kind: RateLimitItem, address: str | None) -> None:
        """Look whether one more guess is heard at all.

        Raises:
            Refusal: too many were wrong in this minute.
        """
        if not self._limiter.test(kind, _client(address)):
            raise self._refusal(kind, address, f"too many wrong {kind.namespace}s")

    def count_wrong_guess(self, kind: RateLimitItem, address: str | None) -> None:
        """Note a guess that was wrong.

        Raises:
            Refusal: too many were in this minute.
        """
        self._count(kind, address, f"too many wrong {kind.namespace}s")

    def _count(self, kind: RateLimitItem, address: str | None, error: str) -> None:
        if not self._limiter.hit(kind, _client(address)):
            raise self._refusal(kind, address, error)

    def _refusal(self, kind: RateLimitItem, address: str | None, error: str) -> Refusal:
        ends = self._limiter.get_window_stats(kind, _client(address)).reset_time
        seconds = max(1, math.ceil(ends - time.time()))
        return Refusal(429, f"{error}: wait {seconds} s", retry_after=seconds)


def _client(address: str | None) -> str:
    """Who asks: an address; of those of IPv6, of which a computer has many, the network.

    Where it listens at ``::`` an address of IPv4 comes as ``::ffff:192.0.2.7``: these are one network.
    """
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address):
        return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))
    return str(known)
