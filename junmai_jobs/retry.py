"""Whether and when a failed job runs again: pure decisions, no clock, no Redis."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from junmai_jobs.errors import Abort, OptionError

LONGEST = 10 * 365 * 86400.0
"""The longest delay, timeout or expiry, in seconds."""
_STORED = ("max_retries", "base", "factor", "cap", "jitter")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff: retry n waits ``base * factor ** (n - 1)`` seconds, at most ``cap``.

    ``jitter`` is the share of it by which it is made shorter or longer at random. An exception may say
    itself how long to wait, see ``asked_delay``. Both ``never`` and ``on`` stay with the task's code.
    """

    max_retries: int = 3
    base: float = 2.0
    factor: float = 2.0
    cap: float = 600.0
    jitter: float = 0.25
    never: tuple[type[BaseException], ...] = ()
    """Exceptions of these classes fail the job at once."""
    on: Mapping[type[BaseException], RetryPolicy] = field(default_factory=dict, hash=False)
    """Another policy for a class of exceptions; of several the nearest in the exception's MRO counts."""

    def __post_init__(self) -> None:
        if type(self.max_retries) is not int or not 0 <= self.max_retries <= 1000:
            raise OptionError(f"max_retries is {self.max_retries!r}; give a whole number from 0 to 1000")
        for name, low, high in (("base", 0, 1e6), ("factor", 1, 100), ("cap", 0, 1e6), ("jitter", 0, 1)):
            value = getattr(self, name)
            if type(value) not in {int, float} or not (math.isfinite(value) and low <= value <= high):
                raise OptionError(f"{name} is {value!r}; give a number from {low} to {high:g}")
        if not isinstance(self.never, tuple) or not all(map(_is_exception, self.never)):
            raise OptionError("never takes a tuple of exception classes")
        if not isinstance(self.on, Mapping) or not all(map(_is_exception, self.on)):
            raise OptionError("on takes a dict, exception class -> RetryPolicy")
        for kind, policy in self.on.items():
            if not isinstance(policy, RetryPolicy) or policy.on or policy.never:
                raise OptionError(f"on {kind.__name__}: give a RetryPolicy without on and never of its own")

    def delay(self, retry: int, chance: float | None = None) -> float:
        """Seconds to wait before a retry.

        Args:
            retry: 1 for the first.
            chance: 0 to 1, where in the jitter's range it falls; random if not given.
        """
        # The exponent is bounded because floats are: the cap is reached long before.
        wait = min(self.cap, self.base * self.factor ** min(retry - 1, 150))
        spread = (random.random() if chance is None else chance) * 2 - 1
        return min(self.cap, wait * (1 + self.jitter * spread))

    def decide(self, attempt: int, error: BaseException) -> float | None:
        """Seconds until the next attempt, or None when the job has failed for good."""
        policy = next((self.on[kind] for kind in type(error).__mro__ if kind in self.on), self)
        if attempt > policy.max_retries or isinstance(error, (Abort, *self.never)):
            return None
        asked = asked_delay(error)
        return policy.delay(attempt) if asked is None else asked

    def encode(self) -> list[Any]:
        """The stored form."""
        return [getattr(self, name) for name in _STORED]

    @classmethod
    def decode(cls, stored: object, *, code: RetryPolicy | None = None) -> RetryPolicy:
        """Read the stored form; what is not stored comes from the task's code.

        Raises:
            ValueError: it is none, or a value is impossible.
        """
        if not isinstance(stored, list):
            raise OptionError(f"retry is {stored!r}, which is no policy")
        return replace(code or cls(), **dict(zip(_STORED, stored, strict=True)))


def asked_delay(error: BaseException) -> float | None:
    """The seconds that an exception's ``retry_after`` asks for, at most ``LONGEST``; None if it does not."""
    try:
        seconds = getattr(error, "retry_after", None)
    except Exception:  # noqa: BLE001 - the attribute is the task's, and may be a property that fails
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        return None
    return float(min(seconds, LONGEST))


def _is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)
