"""What a worker is told, and how that and the configuration become its settings."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from junmai_jobs.config import Config
from junmai_jobs.errors import OptionError
from junmai_jobs.job import check_name
from junmai_jobs.jobqueue_base import JobQueueBase
from junmai_jobs.logs import LogForm
from junmai_jobs.machines import offers
from junmai_jobs.notify import Outlets
from junmai_jobs.resources import Thresholds
from junmai_jobs.retry import LONGEST
from junmai_jobs.scheduler import Retention
from junmai_jobs.settings import EXTERNAL_QUEUES, LONGEST_LEASE, MOST_AHEAD, WorkerSettings
from junmai_jobs.task import task_modules


@dataclass(frozen=True, slots=True)
class _Range:
    """The numbers that a setting may have."""

    least: int
    most: int
    unit: str = ""
    """Of one that need not be whole; such a one may also be None if it ``can_be_none``."""
    can_be_none: bool = False

    def check(self, name: str, value: object) -> None:
        """Raise an OptionError if the value is none of them."""
        if value is None and self.can_be_none:
            return
        kinds = {int, float} if self.unit else {int}
        if type(value) not in kinds or not self.least <= value <= self.most:  # type: ignore[operator]
            what = f"a number of {self.unit}" if self.unit else "a whole number"
            none = ", or None" if self.can_be_none else ""
            raise OptionError(f"{name} is {value!r}; give {what} from {self.least} to {self.most}{none}")


_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SLOTS = _Range(1, 30 if sys.platform == "win32" else 1000)
"""On Windows a wait is for 63 things at most, and a slot has two; Python 3.13 knows a way round that."""
_RANGES = {
    "lease": _Range(1, LONGEST_LEASE, "seconds"),
    "grace": _Range(0, LONGEST_LEASE, "seconds"),
    "aging": _Range(1, int(LONGEST), "seconds", can_be_none=True),
    "max_memory_per_child": _Range(1, 2**31, "MB", can_be_none=True),
    "claim_ahead": _Range(1, MOST_AHEAD),
    "max_jobs_per_child": _Range(1, 2**31),
    "nice": _Range(0, 19),
    "cache_entries": _Range(0, 10**6),
    "cache_megabytes": _Range(1, 10**6),
}


def _check_autoscale(given: object, concurrency: int | None) -> tuple[int, int] | None:
    if given is None:
        return None
    if concurrency is not None:
        raise OptionError("give concurrency or autoscale: a pool is fixed or elastic")
    match given:
        case (fewest, most) if type(fewest) is type(most) is int and 1 <= fewest <= most <= _SLOTS.most:
            return fewest, most
    raise OptionError(
        f"autoscale is {given!r}; give the fewest and the most processes, 1 to {_SLOTS.most}, as in (1, 6)"
    )


def _check_name(name: object) -> None:
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise OptionError(f"name is {name!r}; give 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")


def _check_served(queue: object) -> str:
    if check_name(queue, "queue") in EXTERNAL_QUEUES:
        raise OptionError(f"the queue {queue} is served from outside, by the bridge: leave it out of queues")
    return str(queue)


def worker_settings(
    jobs: JobQueueBase,
    *,
    concurrency: int | None,
    queues: Iterable[str] | None,
    tasks: Iterable[str],
    governor: bool | None,
    **settings: Any,
) -> WorkerSettings:
    """See ``JobQueue.worker_settings``."""
    config = jobs.config
    if unknown := settings.keys() - {each.name for each in fields(WorkerSettings)}:
        raise OptionError(f"no such worker settings: {', '.join(sorted(unknown))}")
    for name in settings.keys() & _RANGES.keys():
        _RANGES[name].check(name, settings[name])
    _check_name(settings.get("name"))
    settings["autoscale"] = bounds = _check_autoscale(settings.get("autoscale"), concurrency)
    slots = bounds[1] if bounds else config.max_concurrent_jobs if concurrency is None else concurrency
    _SLOTS.check("concurrency", slots)
    if isinstance(queues, str):
        raise OptionError(f"queues is {queues!r}; give a list of names")
    served = None if queues is None else tuple(_check_served(queue) for queue in queues)
    settings["offers"] = tuple(offers(settings.get("offers")))
    is_governed = config.governor if governor is None else governor
    configured = {
        "aging": config.aging_seconds,
        "thresholds": Thresholds.of(config) if is_governed else None,
        "nice": config.nice,
        "keep_awake": config.keep_awake,
        "cache_entries": config.cache_entries,
        "cache_megabytes": config.cache_megabytes,
        "log_form": LogForm.of(config),
    }
    if config.notify_webhook is not None:
        import junmai_jobs.notify.webhook  # noqa: F401, PLC0415 - which registers its task
    jobs.broker.due()  # a user who may not call our functions is told so now
    return WorkerSettings(
        endpoint=jobs.server,
        namespace=jobs.namespace,
        concurrency=slots,
        queues=served,
        order=config.queue_order,
        task_modules=tuple(dict.fromkeys((*task_modules(), *tasks, *config.tasks))),
        retention=_retention(config),
        notify=Outlets.of(config),
        max_waiting=config.max_waiting,
        **configured | settings,
    )


def _retention(config: Config) -> dict[str, Retention]:
    kept = {
        "succeeded": config.keep_succeeded,
        "failed": config.keep_failed,
        "cancelled": config.keep_cancelled,
    }
    return {status: Retention(each.days * 86400.0, each.count) for status, each in kept.items()}
