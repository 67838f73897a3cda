"""What each part of a ``JobQueue`` stands on: a server that was found fit, its verbs, and its read side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from junmai_jobs.broker import Broker, accepted
from junmai_jobs.config import Config, load_config
from junmai_jobs.errors import QueueFull
from junmai_jobs.handle import JobHandle
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import NewJob, check_name

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue


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
        from junmai_jobs.connection import ClientLink  # noqa: PLC0415 - redis-py is slow to import
        from junmai_jobs.server import find_server  # noqa: PLC0415

        self.config = load_config() if config is None else config
        self.namespace = check_name(namespace or self.config.namespace, "namespace")
        self.server = find_server(self.config, url)
        self._allow_eviction = allow_eviction
        self._checked = False
        self._link = ClientLink(self.server, client_name="junmai-jobs")
        self._broker = Broker(self._link, self.namespace)
        self._inspector = Inspector(self._link, self.namespace)

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

    def _check_server(self) -> None:
        if not self._checked:
            self.server.ensure()
            self.server.check(allow_eviction=self._allow_eviction)
            self._checked = True

    def close(self) -> None:
        """Drop the connections; the next call opens new ones."""
        self._link.close()

    def enqueue(self, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        """Accept what ``Task.new_job`` has made, at most 200 jobs, all or none.

        Raises:
            QueueFull, InvalidState, JobNotFound: see ``Broker.enqueue``.
        """
        return self._handles(jobs, self.broker.enqueue(jobs, max_waiting=self.config.max_waiting))

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

    def _begin(self, jobs: Sequence[NewJob]) -> Callable[[], list[JobHandle[Any]]]:
        most = self.config.max_waiting
        reply = self._link.begin(*self.broker.enqueue_call(jobs, most))

        def read() -> list[JobHandle[Any]]:
            try:
                return self._handles(jobs, accepted(jobs, reply(), most))
            except QueueFull:
                return self.enqueue(jobs)  # for which room is made, if there is any

        return read

    def _handles(self, jobs: Sequence[NewJob], known: Sequence[str | None]) -> list[JobHandle[Any]]:
        own = cast("JobQueue", self)
        return [
            JobHandle(own, existing or job.id, existing=existing is not None)
            for job, existing in zip(jobs, known, strict=True)
        ]
