from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.broker import Broker
    from tests.backends import Backend, Clock


@pytest.fixture
def store(backend: Backend, namespace: str, broker: Broker, clock: Clock) -> Iterator[Store]:
    """A namespace with nothing in it, which must keep the laws of the store until the end of the test."""
    store = Store(broker, backend.admin, namespace, clock.advance)
    yield store
    store.audit()
