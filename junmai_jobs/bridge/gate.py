"""Who may ask: the host a request names, where a browser says it comes from, and the token it brings.

A page of another site can have a browser send requests here; so can one whose name is made to point to this
computer (DNS rebinding). Both are known by headers that a page cannot set: Host, Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from junmai_jobs.bridge.problems import Refusal

COOKIE = "junmai_jobs"
_COOKIE_LASTS = 30 * 86_400  # s
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_OWN_SITE = (None, "same-origin", "none")
"""``none``: a person has typed the address."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a request has to bring.

    Args:
        token: what changes something has to bring it; None: it need not, but has to come from this computer.
        hosts: the names and addresses under which the bridge may be asked, beside this computer's own.
        origins: other sites whose pages may ask: ``https://photos.example``.
    """

    token: str | None
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def check(self) -> None:
        """Look at a request before anything is done.

        Raises:
            Refusal: it may not ask.
        """
        if _host_of(request.host) not in _LOCAL_HOSTS | self.hosts:
            name = request.host[:100]
            raise Refusal(421, f"this bridge is not {name}: add that to bridge.hosts if it is")
        origin = request.headers.get("Origin")
        allowed = origin in self.origins
        if origin is not None and not allowed and origin != request.host_url.rstrip("/"):
            raise Refusal(403, "pages of other sites may not ask here", "foreign_origin")
        if request.headers.get("Sec-Fetch-Site") not in _OWN_SITE and not allowed:
            raise Refusal(403, "pages of other sites may not ask here", "cross_site")
        if not self._is_trusted():
            self._check_token()

    def check_may_change(self) -> None:
        """Look whether a request may change something.

        Raises:
            Refusal: it brings no token, or no valid one.
        """
        if self.token is not None:
            self._check_token()

    def _is_trusted(self) -> bool:
        """Whether it comes from this computer, where everybody may look."""
        try:
            return ipaddress.ip_address(request.remote_addr or "").is_loopback
        except ValueError:
            return False

    def _check_token(self) -> None:
        if self.token is None:
            raise Refusal(403, "without a token this bridge answers this computer alone", "not_local")
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            if hmac.compare_digest(given.strip().encode(), self.token.encode()):
                return
            raise Refusal(401, "the token is not the right one")
        if request.headers.get("Origin") is not None and self._is_signed(request.cookies.get(COOKIE, "")):
            return
        raise Refusal(401, "send the token: Authorization: Bearer TOKEN")

    def _is_signed(self, cookie: str) -> bool:
        try:
            self._signer().loads(cookie, max_age=_COOKIE_LASTS)
        except BadSignature:
            return False
        return True

    def new_cookie(self) -> str:
        """What a browser has to bring in the place of the token."""
        return self._signer().dumps("dashboard")

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.token or "", salt="junmai-jobs dashboard")


def _host_of(header: str) -> str:
    """The host that a Host header names, without a port or brackets."""
    return (urlsplit(f"//{header}").hostname or "").rstrip(".")
