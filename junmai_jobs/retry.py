"""Whether and when a failed job runs again: pure decisions, no clock, no Redis."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from junmai_jobs.errors import Abort, OptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff: retry n waits ``base * factor ** (n - 1)`` seconds, at most ``cap``.

    ``jitter`` is the share of it by which it is made shorter or longer at random. Exceptions of a class in
    ``never`` fail the job at once.
    """

    max_retries: int = 3
    base: float = 2.0
    factor: float = 2.0
    cap: float = 600.0
    jitter: float = 0.25
    never: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if type(self.max_retries) is not int or not 0 <= self.max_retries <= 1000:
            raise OptionError(f"max_retries is {self.max_retries!r}; give a whole number from 0 to 1000")
        for name, low, high in (("base", 0, 1e6), ("factor", 1, 100), ("cap", 0, 1e6), ("jitter", 0, 1)):
            value = getattr(self, name)
            if type(value) not in {int, float} or not (math.isfinite(value) and low <= value <= high):
                raise OptionError(f"{name} is {value!r}; give a number from {low} to {high:g}")
        if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in self.never):
            raise OptionError("never takes a tuple of exception classes")

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
        if attempt > self.max_retries or isinstance(error, (Abort, *self.never)):
            return None
        return self.delay(attempt)

    def encode(self) -> list[Any]:
        """The stored form; exception classes stay with the task's code."""
        return [self.max_retries, self.base, self.factor, self.cap, self.jitter]

    @classmethod
    def decode(cls, stored: list[Any], never: tuple[type[BaseException], ...] = ()) -> RetryPolicy:
        """Read the stored form.

        Raises:
            OptionError: a value is impossible.
        """
        names = ("max_retries", "base", "factor", "cap", "jitter")
        return cls(**dict(zip(names, stored, strict=True)), never=never)
