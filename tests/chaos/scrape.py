"""The figures for Prometheus, collected again and again under fire, beside what the audit finds."""

from __future__ import annotations

import contextlib
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from junmai_jobs import JobQueue
from junmai_jobs.config import Config
from junmai_jobs.keys import FINISHED_HOMES
from junmai_jobs.metrics import QueueCollector
from junmai_jobs.tally import RUN_EVENTS
from tests.chaos import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.audit import Audit

EVERY = 0.5
"""Seconds from the end of one collection to the next."""
TASK = tasks.work.name
Samples = dict[tuple[str, ...], float]


class Scraper:
    """Prometheus, as far as the queue can tell; it begins before the first job is submitted."""

    def __init__(self, url: str, folder: Path) -> None:
        self._jobs = JobQueue(url, config=Config(home=folder))
        self._registry = CollectorRegistry()
        self._registry.register(QueueCollector(self._jobs))
        self.scrapes = self.away = 0
        self.last: Samples = {}
        self.fell: list[str] = []
        """Counters that were smaller than the time before."""

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Collect meanwhile; what goes wrong is raised at the end."""
        over, wrong = threading.Event(), list[BaseException]()

        def collect() -> None:
            try:
                while not over.wait(EVERY):
                    self.collect()
            except BaseException as error:  # noqa: BLE001 - raised below, by whoever waits for this
                wrong.append(error)

        self.collect()
        thread = threading.Thread(target=collect)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if wrong:
            raise wrong[0]
        with closing(self._jobs):
            self.collect()

    def collect(self) -> None:
        """Once."""
        found: Samples = {
            (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
            for metric in self._registry.collect()
            for each in metric.samples
        }
        self.scrapes += 1
        self.away += not found["junmai_server_up",]
        counters = [key for key in self.last if key[0].endswith(("_total", "_count", "_bucket"))]
        self.fell += [" ".join(key) for key in counters if found.get(key, 0.0) < self.last[key]]
        self.last = found

    def differences(self, found: Audit) -> list[str]:
        """Where the last collection and the audit do not tell the same."""
        runs = {**found.events, "succeeded": found.homes["succeeded"]}
        pairs = {
            f"jobs {home}": (self._value("junmai_jobs_total", home), found.homes[home])
            for home in FINISHED_HOMES
        }
        for event in RUN_EVENTS:
            told = self._value("junmai_job_runs_total", event)
            if event == "failed":
                told += self._value("junmai_job_runs_total", "retried")
            pairs[f"runs {event}"] = (told, runs.get(event, 0))
        del pairs["runs retried"]  # the audit calls them failed
        differing = {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}
        return [
            *(f"metrics: {what}: {told:g}, the audit has {true}" for what, (told, true) in differing.items()),
            *(f"metrics: {counter} went down" for counter in self.fell),
        ]

    def _value(self, name: str, word: str) -> float:
        return self.last.get((name, word, TASK), 0.0)
