"""Dramatiq: what a process has taken is given back when its heartbeat is missing."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.cli import main, make_argument_parser

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

broker: Any = RedisBroker(url=os.environ[URL_VARIABLE])
dramatiq.set_broker(broker)
noops = [
    dramatiq.actor(actor_name=name, priority=priority)(record.noop)  # the lesser the more urgent
    for name, priority in (("low", 20), ("normal", 10), ("high", 0))
]


async def connect() -> None:
    broker.client.ping()


async def submit(photo_id: int, path: str, level: int) -> None:
    noops[level].send(photo_id, path)


def work() -> None:
    """Two processes, and one that watches them."""
    main(make_argument_parser().parse_args([__name__, "--processes", "2"]))
