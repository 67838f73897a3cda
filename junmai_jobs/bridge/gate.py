"""Who may ask: the host a request names, where a browser says it comes from, and the token it brings.

A page of another site can have a browser send requests here; so can one whose name is made to point to this
computer (DNS rebinding). Both are known by headers that a page cannot set: Host, Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from junmai_jobs.bridge.codes import Codes
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.rates import TOKEN, Rates

V = TypeVar("V", bound=Callable[..., Any])
COOKIE = "junmai_jobs"
COOKIE_LASTS = 30 * 86_400
"""Seconds."""
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - it is looked for
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What each answer tells browsers: that they trust nothing but it says so."""
_OWN_SITE = (None, "same-origin", "none")
"""``none``: a person has typed the address."""
_LOOKS = ("GET", "HEAD", "OPTIONS")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
"""A request that has one of these comes through a proxy: from this computer, and yet not of it."""

_SHARED = {
    "Access-Control-Allow-Methods": "GET, POST, PUT",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
    "Access-Control-Expose-Headers": "Retry-After",
    "Access-Control-Max-Age": "600",
    "Vary": "Origin",
}
"""What a page of another site may send and read, if it may ask at all; a cookie is never sent from there."""


def hardened(response: Response) -> Response:
    """An answer that browsers do as little with as can be."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@dataclass(frozen=True, slots=True)
class Gate:
    """What a request has to bring.

    Args:
        token: what changes something has to bring it; None: it need not, but has to come from this computer.
        hosts: the names and addresses under which the bridge may be asked, beside this computer's own. With
            one of ``ANY_ADDRESS`` any address: only a name can be made to point here.
        origins: other sites whose pages may ask: ``https://photos.example``.
        rates: how often each client may ask.
        codes: what a browser gives for a cookie; None: the bridge asks for no token.
    """

    token: str | None
    hosts: frozenset[str]
    origins: frozenset[str]
    rates: Rates
    codes: Codes | None
    _public: set[Callable[..., Any]] = field(default_factory=set)

    def public(self, view: V) -> V:
        """Have a view answer whoever may ask here at all, without a token: it tells of no job, no photo."""
        self._public.add(view)
        return view

    def check(self) -> None:
        """Look at a request before anything is done.

        Raises:
            Refusal: it may not ask.
        """
        self._check_host()
        self._check_site()
        self.rates.count_request(client(), changes=request.method not in _LOOKS)
        if _is_local():
            return
        if self.token is None:
            raise Refusal(403, "without a token this bridge answers this computer alone", "not_local")
        if not self._is_public():
            self._check_token(changes=False)

    def check_may_change(self) -> None:
        """Look whether a request may change something.

        Raises:
            Refusal: it brings no token, or no valid one.
        """
        if self.token is not None:
            self._check_token(changes=True)

    def may_change(self) -> bool:
        """Whether it might, were it sent by a page of ours."""
        try:
            if self.token is not None:
                self._check_token(changes=False)
        except Refusal:
            return False
        return True

    def headers(self) -> dict[str, str]:
        """What a browser has to be told, or a page of another site does not get the answer (CORS)."""
        origin = request.headers.get("Origin")
        if origin is None or origin not in self.origins:
            return {}
        return {"Access-Control-Allow-Origin": origin, **_SHARED}

    def _check_host(self) -> None:
        host = _host_of(request.host)
        if is_loopback(host) or host in self.hosts or (self.hosts & ANY_ADDRESS and _is_address(host)):
            return
        raise Refusal(421, f"this bridge is not {request.host:.100}: add that to bridge.hosts if it is")

    def _check_site(self) -> None:
        origin = request.headers.get("Origin")
        if origin in self.origins:
            return
        if origin is not None and origin != request.host_url.rstrip("/"):
            raise Refusal(403, "pages of other sites may not ask here", "foreign_origin")
        if request.headers.get("Sec-Fetch-Site") not in _OWN_SITE:
            raise Refusal(403, "pages of other sites may not ask here", "cross_site")

    def _is_public(self) -> bool:
        view = current_app.view_functions.get(request.endpoint or "")
        return view in self._public or request.method == "OPTIONS"

    def _check_token(self, *, changes: bool) -> None:
        """Look for the token or, of a page of ours, the cookie.

        A browser sends the cookie whoever makes it ask. That it was a page of ours, Origin tells, which
        comes with all that changes something.
        """
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            self._check_bearer(given.strip())
        elif not self._is_signed(request.cookies.get(COOKIE, "")):
            raise Refusal(401, "send the token: Authorization: Bearer TOKEN")
        elif changes and request.headers.get("Origin") is None:
            raise Refusal(401, "send the token: where the cookie has to do, a page of the bridge has to ask")

    def _check_bearer(self, given: str) -> None:
        """Compare a token. Of this computer's own programs none locks out the others by a wrong one."""
        if not _is_local():
            self.rates.check_guess(TOKEN, client())
        if not hmac.compare_digest(given.encode(), (self.token or "").encode()):
            self.rates.count_wrong_guess(TOKEN, client())
            raise Refusal(401, "the token is not the right one")

    def _is_signed(self, cookie: str) -> bool:
        try:
            self._signer().loads(cookie, max_age=COOKIE_LASTS)
        except BadSignature:
            return False
        return True

    def new_cookie(self) -> str:
        """What a browser has to bring in the place of the token."""
        return self._signer().dumps("dashboard")

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.token or "", salt="junmai-jobs dashboard")


def client() -> str | None:
    """Whose requests and guesses are counted together: those of an address.

    None: all of whom a proxy on this computer speaks for, so that they cannot lock out this computer itself.
    """
    is_of_proxy = is_loopback(request.remote_addr or "") and not _is_local()
    return None if is_of_proxy else request.remote_addr


def _is_local() -> bool:
    """Whether a request comes from this computer, where everybody may look."""
    forwarded = any(name in request.headers for name in _FORWARDED)
    return not forwarded and is_loopback(request.remote_addr or "") and is_loopback(_host_of(request.host))


def is_loopback(host: str) -> bool:
    """Whether an address, or the name of a host, is this computer's own."""
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_address(host: str) -> bool:
    return _address(host) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _host_of(header: str) -> str:
    """The host that a Host header names, without a port or brackets."""
    return (urlsplit(f"//{header}").hostname or "").rstrip(".")
