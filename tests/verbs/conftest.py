from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.broker import Broker
    from tests.backends import Backend, Backends, Clock


@pytest.fixture
def store(backend: Backend, namespace: str, broker: Broker, clock: Clock) -> Iterator[Store]:
    """A namespace with nothing in it, which must keep the laws of the store until the end of the test."""
    store = Store(broker, backend.admin, namespace, clock.advance)
    yield store
    store.audit()


@pytest.fixture
def redis_backend(backends: Backends) -> Backend:
    return backends.get("redis")


@pytest.fixture
def stores(redis_backend: Backend) -> Iterator[list[Store]]:
    """Two stores with nothing in them: one for what should be, one for what is."""
    with ExitStack() as stack:
        names = [stack.enter_context(redis_backend.namespace()) for _ in range(2)]
        made = [
            Store(redis_backend.broker(name), redis_backend.admin, name, redis_backend.clock(name).advance)
            for name in names
        ]
        yield made
        for store in made:
            store.audit()
