"""What each part of a ``JobQueue`` stands on: a server that was found fit, its verbs, and its read side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from junmai_jobs.broker import BATCH, Broker
from junmai_jobs.broker_base import accepted
from junmai_jobs.config import Config, load_config
from junmai_jobs.errors import QueueFull, ResultTimeout
from junmai_jobs.estimates import Estimates
from junmai_jobs.handle import AnsweredHandle, JobHandle
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import NewJob, check_name
from junmai_jobs.room import admitted
from junmai_jobs.shortest import Shortest
from junmai_jobs.waiting import deadline_in

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink
    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.quarantine import Digests
    from junmai_jobs.server import Server


class JobQueueBase:
    """One namespace on one server; see ``JobQueue``."""

    def __init__(
        self,
        url: str | None = None,
        *,
        namespace: str | None = None,
        config: Config | None = None,
        allow_eviction: bool = False,
    ) -> None:
        self.config = load_config() if config is None else config
        self.namespace = check_name(namespace or self.config.namespace, "namespace")
        self._allow_eviction = allow_eviction
        self._checked = False
        self.server, self._link = self._find(url)
        self._broker = Broker(self._link, self.namespace)
        self._inspector = Inspector(self._link, self.namespace)
        self._estimates = Estimates(self._inspector)
        self._shortest = Shortest(self._estimates, self.config.shortest_first)

    def _find(self, url: str | None) -> tuple[Server, ClientLink]:
        """The server, and the way to it; nothing is connected yet."""
        from junmai_jobs.connection import ClientLink  # noqa: PLC0415 - redis-py is slow to import
        from junmai_jobs.server import find_server  # noqa: PLC0415

        server = find_server(self.config, url)
        return server, ClientLink(server, client_name="junmai-jobs")

    @property
    def broker(self) -> Broker:
        """The verbs, on a server that was found fit."""
        self._check_server()
        return self._broker

    @property
    def inspector(self) -> Inspector:
        """The read side, on a server that was found fit."""
        self._check_server()
        return self._inspector

    @property
    def estimates(self) -> Estimates:
        """What was learnt of the runs so far, on a server that was found fit."""
        self._check_server()
        return self._estimates

    def _check_server(self) -> None:
        if not self._checked:
            self.server.ensure()
            self.server.check(allow_eviction=self._allow_eviction)
            self._checked = True

    def close(self) -> None:
        """Drop the connections; the next call opens new ones."""
        self._link.close()

    def deadline_in(self, timeout: float | None) -> float:
        """Until when somebody waits for jobs, see ``waiting.deadline_in``."""
        return deadline_in(timeout)

    def timed_out(self, who: str, timeout: float | None, hint: str = "") -> ResultTimeout:
        """The error of somebody who has waited so long; ``who`` ends with "has" or "have"."""
        return ResultTimeout(f"{who} not ended within {timeout:g} s{hint}")

    def admitted(self, jobs: Iterable[NewJob]) -> Iterator[NewJob]:
        """See ``room.admitted``; those that need no job have their answer then, and need no room."""

        def there(ids: Sequence[str]) -> Collection[str]:
            return self.inspector.statuses(ids)

        return admitted(self._answered(jobs), self.config.disk_reserve_bytes, there)

    def enqueue(self, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        """Accept what ``Task.new_job`` has made, at most 200 jobs, all or none.

        Raises:
            QueueFull, InvalidState, JobNotFound, NotDurable: see ``Broker.enqueue``.
            DiskFull: a disk has no room for what they will write; nothing was sent.
        """
        if any(job.asks or job.writes is not None for job in jobs):
            return self.enqueue_admitted(list(self.admitted(jobs)))
        return self._accept(self._placed(jobs))

    def enqueue_admitted(self, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        """``enqueue`` what ``admitted`` gave, which is not looked at a second time."""
        return self._in_places(jobs, self._accept(self._placed(_unanswered(jobs))))

    def _accept(self, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        return self._handles(jobs, self.broker.enqueue(jobs, max_waiting=self.config.max_waiting))

    def _placed(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """See ``shortest.py``."""
        if not self.config.shortest_first:
            return jobs
        self._check_server()
        return self._shortest.placed(jobs)

    def _answered(self, jobs: Iterable[NewJob], *, uses: bool = True) -> Iterator[NewJob]:
        """These jobs; those that need not be made with their answer, of which each counts as a use."""
        digests: Digests = {}
        made = iter(jobs)
        while page := list(islice(made, BATCH)):
            if self.config.cache_entries and any(job.asks for job in page):
                from junmai_jobs.reuse import answered  # noqa: PLC0415 - few submissions need it

                page = answered(self.broker, page, digests, uses=uses)
            yield from page

    def enqueue_all(self, pages: Iterable[Sequence[NewJob]], handles: list[JobHandle[Any]]) -> None:
        """``enqueue`` one page after the other; each is made while the server works on the one before.

        Args:
            pages: where one cannot be made, those before it are accepted all the same.
            handles: gets those of the jobs of each page that is accepted.
        """
        pending: Callable[[], list[JobHandle[Any]]] = list  # reads the reply to the page that was sent last
        try:
            for page in pages:
                read, pending = pending, list
                handles += read()
                pending = self._begin(page)
        finally:
            handles += pending()

    def _begin(self, page: Sequence[NewJob]) -> Callable[[], list[JobHandle[Any]]]:
        read = self._send(self._placed(_unanswered(page)))
        return lambda: self._in_places(page, read())

    def _send(self, jobs: Sequence[NewJob]) -> Callable[[], list[JobHandle[Any]]]:
        most = self.config.max_waiting
        if not jobs or any(job.durable for job in jobs):
            handles = self._accept(jobs)
            return lambda: handles
        reply = self._link.begin(*self.broker.enqueue_call(jobs, most))

        def read() -> list[JobHandle[Any]]:
            try:
                return self._handles(jobs, accepted(jobs, reply(), most))
            except QueueFull:
                return self._accept(jobs)  # for which room is made, if there is any

        return read

    def _handles(self, jobs: Sequence[NewJob], known: Sequence[str | None]) -> list[JobHandle[Any]]:
        own = cast("JobQueue", self)
        return [
            JobHandle(own, existing or job.id, existing=existing is not None)
            for job, existing in zip(jobs, known, strict=True)
        ]

    def _in_places(self, jobs: Sequence[NewJob], handles: Sequence[JobHandle[Any]]) -> list[JobHandle[Any]]:
        """The handles of these jobs: those given, and between them those of which there is no job."""
        if len(handles) == len(jobs):
            return list(handles)
        own, made = cast("JobQueue", self), iter(handles)
        return [next(made) if job.answer is None else AnsweredHandle(own, job.answer) for job in jobs]


def _unanswered(jobs: Sequence[NewJob]) -> list[NewJob]:
    return [job for job in jobs if job.answer is None]
