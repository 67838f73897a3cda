"""What an error on the way to the server means: whether to try again, and what to tell."""

from __future__ import annotations

import ssl

import redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

from junmai_jobs.errors import CallRefused, QueueFull, StoreUnavailable
from junmai_jobs.route import Astray, UnknownService

LOST = (redis.ConnectionError, redis.TimeoutError, OSError)
"""There is no connection, or it is no longer of use."""
_PASSING = (BusyLoadingError, MasterDownError, ReadOnlyError, TryAgainError, ClusterDownError, AskError)
_PASSING_WORDS = ("BUSY ", "UNBLOCKED ", "NOREPLICAS ", "Function not found")
_NO_DISK = "cannot write to its disk: free some space there, or read in its log why"


def is_passing(error: Exception) -> bool:
    """Whether the same call may well be answered a moment later."""
    if isinstance(error, (AuthenticationError, NoPermissionError, UnknownService)):
        return False
    if isinstance(_tls_failure(error), ssl.SSLCertVerificationError):
        return False
    if isinstance(error, LOST):
        return True
    return isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)


def _tls_failure(error: BaseException) -> ssl.SSLError | None:
    """What TLS has found wrong, where that is what an error of redis-py's comes from."""
    cause = error.__cause__ or error.__context__
    return cause if cause is None or isinstance(cause, ssl.SSLError) else _tls_failure(cause)


def explain(error: Exception, where: str) -> StoreUnavailable | QueueFull:
    """Our error for one of redis-py's, in one line that says what to do.

    Args:
        error: what was raised.
        where: the server's address, fit to be shown.
    """
    match error:
        case OutOfMemoryError():
            return QueueFull(f"the server {where} is out of memory: raise its maxmemory, or purge what waits")
        case AuthenticationError():
            what = "refuses the user or the password: correct them in its address, redis://USER:PASSWORD@HOST"
        case NoPermissionError():
            what = f"forbids a command to this user: {error}"
        case BusyLoadingError():
            what = "is still loading its data: try again in a moment"
        case InvalidResponse():
            what = "does not speak as Redis does: correct the address"
        case Astray():
            what = str(error)
        case _ if isinstance(tls := _tls_failure(error), ssl.SSLCertVerificationError):
            what = f"shows a certificate that proves nothing: {tls.verify_message}"
        case _ if tls is not None:
            what = f"and we do not agree on TLS: {tls.reason or tls}"
        case redis.ConnectionError() | redis.TimeoutError() | OSError():
            what = "cannot be reached: start it, or correct the address"
        case _:
            what = _refusal(str(error))
    of_the_call = isinstance(error, redis.ResponseError) and what is not _NO_DISK and not is_passing(error)
    return (CallRefused if of_the_call else StoreUnavailable)(f"the server {where} {what}")


def _refusal(said: str) -> str:
    """What the server does, by its own words that are none of the above."""
    if said.startswith("MISCONF "):
        return _NO_DISK
    mend = "; `junmai-jobs doctor --repair` mends that" if said.startswith("WRONGTYPE ") else ""
    return f"cannot work: {said}{mend}"
