"""What a supervisor sees of the queues: which there are, which are ours, what waits and runs in them."""

from __future__ import annotations

import logging

from junmai_jobs.broker import Broker
from junmai_jobs.errors import CallRefused
from junmai_jobs.inspector.base import queue_rank
from junmai_jobs.lanes import queue_of
from junmai_jobs.replies import lane_names, text_of
from junmai_jobs.settings import EXTERNAL_QUEUES, WorkerSettings

log = logging.getLogger("junmai_jobs.worker")


class Survey:
    """The last look at the queues.

    A script that meets what somebody else has put in the place of a key of ours fails for all its queues, and
    so does a child that waits for the bell of each. So such a queue is left out, and named once in the log,
    as is a name among the queues that is none.
    """

    def __init__(self, broker: Broker, settings: WorkerSettings) -> None:
        self._broker = broker
        self._settings = settings
        self._foreign: frozenset[str] = frozenset()
        self._odd: frozenset[bytes] = frozenset()
        self._was_refused = False
        self.served = settings.lanes(())
        """The lanes of this worker, in its order."""
        self.lanes: tuple[str, ...] = ()
        """All that are ours: first those that are served."""
        self.waiting = 0
        """How many jobs wait in line in the lanes that are served, and are not paused."""
        self.quiet = False
        """Whether nothing waits in line or runs in any queue but those that are served from outside."""

    def look(self) -> None:
        """Look again; where the server refuses to show, that is told once, and what was seen last counts.

        Raises:
            StoreUnavailable: the server is away.
        """
        try:
            found = self._broker.survey(self._settings.lanes(()))
        except CallRefused as error:
            if not self._was_refused:
                fields = {"event": "queues.unseen"}
                log.error("the queues cannot be looked at: %s", error, extra=fields)  # noqa: TRY400 - says it all
            self._was_refused = True
            return
        self._was_refused = False
        sights = {name: sight for name, sight in found.items() if lane_names([name])}
        self._tell_odd(frozenset(found.keys() - sights.keys()))
        foreign = {text_of(name): sight.foreign for name, sight in sights.items() if sight.foreign}
        for lane in foreign.keys() - self._foreign:
            text = "queue %s is closed: %s holds what is not ours; move it away"
            log.error(text, lane, foreign[lane], extra={"event": "queue.closed", "queue": queue_of(lane)})
        self._foreign = frozenset(foreign)
        ours = {text_of(name): sight for name, sight in sights.items() if not sight.foreign}
        known = sorted(ours, key=queue_rank)
        self.served = tuple(lane for lane in self._settings.lanes(known) if lane in ours)
        self.lanes = tuple(dict.fromkeys((*self.served, *known)))
        self.waiting = sum(ours[lane].waiting for lane in self.served)
        self.quiet = not any(
            sight.waiting or sight.running
            for lane, sight in ours.items()
            if queue_of(lane) not in EXTERNAL_QUEUES
        )

    def _tell_odd(self, odd: frozenset[bytes]) -> None:
        for name in sorted(odd - self._odd):
            text = "%s holds %r, the name of no queue; take it out"
            log.error(text, self._broker.keys.queues, name, extra={"event": "queue.odd"})
        self._odd = odd
