"""A request that may come twice: its key names the jobs that it makes, and they tell what it asked for.

So nothing is kept of it but the jobs themselves, and it is known for as long as they are: when they have been
pruned, the key may be used anew. The id of each job follows from the key, and a tag of each from the content.
A job that is there answers for itself: it is of the same request if it has the tag, else of another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from junmai_jobs.errors import InvalidState, OptionError

if TYPE_CHECKING:
    from junmai_jobs.inspector import Inspector
    from junmai_jobs.job import Status
    from junmai_jobs.task import Task

T = TypeVar("T", bound="Task[..., Any]")
_LONGEST = 255
_DIGITS = 32  # of a digest in hexadecimal: 128 bits


class IdempotencyConflict(InvalidState):
    """The key stands for a request with other content."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key stands for another request: take a new key for each")


@dataclass(frozen=True, slots=True)
class Once:
    """A key and the content it stands for.

    Args:
        key: 1 to 255 printable ASCII characters.
        content: all that the request asks for.

    Raises:
        OptionError: that is no key.
    """

    key: str
    content: bytes

    def __post_init__(self) -> None:
        if not (0 < len(self.key) <= _LONGEST and self.key.isascii() and self.key.isprintable()):
            raise OptionError(f"an Idempotency-Key is 1 to {_LONGEST} printable ASCII characters")

    @property
    def tag(self) -> str:
        """What each of its jobs is tagged with."""
        return f"request:{_digest(self.content)}"

    def id(self, number: int) -> str:
        """The id of its first job, which has number 0, or of a later one."""
        return f"once:{_digest(f'{number} {self.key}'.encode())}"

    def tagged(self, task: T) -> T:
        """A task whose jobs tell of this request."""
        return task.with_options(tags=(*task.options.tags, self.tag))

    def known(self, inspector: Inspector, ids: Sequence[str]) -> dict[str, Status]:
        """Those of its jobs that are there.

        Raises:
            IdempotencyConflict: one of them is of a request with other content.
        """
        jobs = inspector.load(list(inspector.statuses(ids)))
        if any(self.tag not in job.tags for job in jobs):
            raise IdempotencyConflict
        return {job.id: job.status for job in jobs}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
