from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.laws.scene import Scene
from tests.verbs.store import Store

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from tests.backends import Backend, Backends, Clock


@pytest.fixture(params=["redis", "valkey"])
def backend(request: pytest.FixtureRequest, backends: Backends) -> Backend:
    """A real server of either kind."""
    return backends.get(request.param)


@pytest.fixture
def scene(backend: Backend, namespace: str, broker: Broker, clock: Clock) -> Scene:
    """Jobs in every state."""
    return Scene.of(Store(broker, backend.admin, namespace, clock.advance), backend.link)
