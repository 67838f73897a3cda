"""What is answered when something cannot be done: ``{"error": TEXT, "code": SLUG}`` and a true status."""

from __future__ import annotations

import logging
from typing import TypedDict

import msgspec
from flask import Response
from werkzeug.exceptions import HTTPException

from junmai_jobs.errors import (
    DiskFull,
    InvalidState,
    JobNotFound,
    JunmaiJobsError,
    NotDurable,
    OptionError,
    PayloadError,
    QueueFull,
    ScheduleNotFound,
    StaleLease,
    StoreUnavailable,
    UnknownTask,
)
from junmai_jobs.idempotency import IdempotencyConflict
from junmai_jobs.manager import NotInCatalog
from junmai_jobs.photo.errors import PhotoError, PhotoRefused, PresetError
from junmai_jobs.schema import CatalogError

RETRY_AFTER = 5
"""Seconds after which a client may ask again where the server was away."""
_OF_ERRORS: tuple[tuple[type[Exception], int, str], ...] = (
    (JobNotFound, 404, "job_not_found"),
    (NotInCatalog, 404, "not_in_catalog"),
    (ScheduleNotFound, 404, "schedule_not_found"),
    (StaleLease, 409, "stale_lease"),
    (IdempotencyConflict, 409, "idempotency_conflict"),
    (InvalidState, 409, "wrong_state"),
    (QueueFull, 503, "queue_full"),
    (DiskFull, 507, "disk_full"),
    (NotDurable, 503, "not_durable"),
    (StoreUnavailable, 503, "store_unavailable"),
    (UnknownTask, 400, "unknown_task"),
    (PayloadError, 400, "bad_payload"),
    (OptionError, 400, "bad_value"),
    (PhotoRefused, 400, "path_not_allowed"),
    (PresetError, 400, "bad_value"),
    (PhotoError, 400, "bad_folder"),
    (CatalogError, 503, "catalog_unavailable"),
)
"""The first that fits counts."""
_OF_STATUS = {
    400: "bad_request",
    401: "no_token",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "not_json",
    421: "host_not_allowed",
    429: "too_many_requests",
    503: "unavailable",
}

log = logging.getLogger("junmai_jobs.bridge")


class Problem(TypedDict):
    """The body of every answer that is not 2xx."""

    error: str
    code: str


class Refusal(Exception):  # noqa: N818 - named for what it is
    """A request that is not done, with what the client is told; ``retry_after`` in seconds."""

    def __init__(
        self, status: int, error: str, code: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.code = code or _OF_STATUS[status]
        self.retry_after = retry_after


def answer_to(error: Exception) -> Response:
    """The answer that tells of an error: of ours what it says, of any other only that there was one."""
    if isinstance(error, Refusal):
        return _answer(error.status, str(error), error.code, error.retry_after)
    if isinstance(error, HTTPException):
        status = error.code or 500
        answer = _answer(status, error.description or error.name, _OF_STATUS.get(status, "failed"))
        answer.headers.extend(
            (name, value) for name, value in error.get_headers() if name in {"Allow", "Retry-After"}
        )
        return answer
    for kind, status, code in _OF_ERRORS:
        if isinstance(error, kind):
            return _answer(status, str(error), code)
    if isinstance(error, JunmaiJobsError):
        return _answer(500, str(error), "failed")
    log.error("a request failed", exc_info=error, extra={"event": "request.failed"})
    return _answer(500, "the bridge failed at this; its log says more", "failed")


def _answer(status: int, error: str, code: str, retry_after: int | None = None) -> Response:
    told = msgspec.json.encode(Problem(error=error, code=code))
    answer = Response(told, status, mimetype="application/json")
    if status == 503 or retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after or RETRY_AFTER)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
