"""How a browser gets the right to change something: by a one-time code, for which it has a cookie set."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from flask import Response, after_this_request, request
from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import Endpoints
from junmai_jobs.bridge.gate import COOKIE, COOKIE_LASTS, client
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.rates import CODE
from junmai_jobs.bridge.site import Site

SESSION = Endpoints()
_RULE = "/session"


class Session(TypedDict):
    """What the bridge asks for, and whether who asks has it."""

    auth: Literal["token", "local"]
    may_change: bool


@SESSION.get(_RULE, public=True)
def session(site: Site) -> Session:
    """Tell whether a page may change something."""
    return {"auth": "local" if site.gate.token is None else "token", "may_change": site.gate.may_change()}


class Code(Struct, forbid_unknown_fields=True):
    """As ``junmai-jobs serve`` prints it."""

    code: Annotated[str, Meta(max_length=100)]


class LoggedIn(TypedDict):
    """That the cookie is set."""

    message: str


@SESSION.post(_RULE, 401, public=True)
def log_in(site: Site, body: Code) -> LoggedIn:
    """Give a one-time code for a cookie, with which pages of the bridge may change something for 30 days."""
    gate = site.gate
    gate.rates.check_guess(CODE, client())
    if gate.codes is None:
        raise Refusal(400, "this bridge asks for no code: bridge.auth is local", "no_code")
    if not gate.codes.accept(body.code):
        gate.rates.count_wrong_guess(CODE, client())
        told = "this code is wrong, used or too old: `junmai-jobs serve --code` prints another one"
        raise Refusal(401, told, "wrong_code")

    @after_this_request
    def remember(response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            gate.new_cookie(),
            max_age=COOKIE_LASTS,
            path=request.root_path + request.path.removesuffix(_RULE) or "/",
            secure=_is_encrypted(),
            httponly=True,
            samesite="Strict",
        )
        return response

    return {"message": "From this browser you may change things for 30 days"}


def _is_encrypted() -> bool:
    """Whether the browser talks TLS, if only to a proxy."""
    return request.is_secure or request.headers.get("Origin", "").startswith("https://")
