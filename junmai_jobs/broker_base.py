"""How a verb is called: its function, its arguments by name, and its reply word as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from junmai_jobs import scripts
from junmai_jobs.errors import InvalidState, JobNotFound, JunmaiJobsError, QueueFull
from junmai_jobs.job import NewJob
from junmai_jobs.keys import Keys
from junmai_jobs.lanes import queue_of
from junmai_jobs.replies import text_of

if TYPE_CHECKING:
    from junmai_jobs.connection import Link

T = TypeVar("T")
MAX_WAITING = 1_000_000


class BrokerBase:
    """What all callers of verbs have in common.

    Args:
        link: how calls reach the server.
        namespace: which jobs; other namespaces on the same server are never touched.
        moved_clock: see ``scripts.load``.
    """

    def __init__(self, link: Link, namespace: str, *, moved_clock: bool = False) -> None:
        self.link = link
        self.keys = Keys.of(namespace)
        self._load = partial(scripts.load, moved_clock=moved_clock)

    def _call(self, verb: str, *rest: object, **named: object) -> list[Any]:
        loaded = self._load(verb)
        word, *reply = self.link.run(loaded, self.keys.prefix, loaded.arguments(*rest, **named))
        return [text_of(word), *reply]

    def _in_need_of_room(self, call: Callable[[], T]) -> T:
        """What a call gives; where the server is out of memory values that were made before give way to it.

        Raises:
            QueueFull: there are none any more.
        """
        while True:
            try:
                return call()
            except QueueFull:
                _, *unused = self._call("forget")
                if not unused:
                    raise
                self._call("forget", *unused)


def accepted(jobs: Sequence[NewJob], reply: Sequence[Any], max_waiting: int) -> list[str | None]:
    """What ``enqueue`` was told, see ``Broker.enqueue``."""
    word, *answers = reply
    if word == b"OK":
        return [
            None if answer == b"NEW" else text_of(answer).partition(" ")[2] or job.id
            for job, answer in zip(jobs, answers, strict=True)
        ]
    index, detail = int(answers[0]), text_of(answers[1])
    place = f"job {index + 1} of {len(jobs)}: " if len(jobs) > 1 else ""
    raise refusal(text_of(word), detail, place, max_waiting)


def refusal(word: str, detail: str, place: str, max_waiting: int) -> JunmaiJobsError:
    """Why a submission was not accepted."""
    if word == "CONFLICT":
        return InvalidState(f"{place}the id {detail} belongs to a job with other content: choose another id")
    if word == "LANES":
        return QueueFull(
            f"{place}queue {queue_of(detail)} has jobs of 16 different needs, and takes no more: "
            "use fewer sizes"
        )
    if word == "FULL":
        return QueueFull(
            f"{place}queue {detail} may hold {max_waiting:,} waiting jobs and has no room: purge it"
        )
    return JobNotFound(f"{place}no job {detail} to wait for: submit the parent first")
