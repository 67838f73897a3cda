"""A healthy store gives no finding, and is left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.inspector import Inspector
from junmai_jobs.laws import check_laws, repair
from tests.verbs.cases import CASES, examine_that_mends
from tests.verbs.store import Store

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from tests.backends import Backend, Clock
    from tests.laws.scene import Scene
    from tests.verbs.cases import Case


def test_jobs_in_every_state(scene: Scene) -> None:
    assert scene.check() == []
    with scene.store.unchanged():
        assert scene.repair() == []


def test_until_all_have_ended(scene: Scene) -> None:
    assert scene.lost_runs() == set()
    assert scene.check() == []
    scene.work()
    assert scene.unfinished() == set()
    assert scene.check() == []


HEALTHY = [case for case in CASES if case is not examine_that_mends]


@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.__name__)
def test_after_every_verb(backend: Backend, namespace: str, broker: Broker, clock: Clock, case: Case) -> None:
    store, inspector = (
        Store(broker, backend.admin, namespace, clock.advance),
        Inspector(backend.link, namespace),
    )
    call = case(store)
    assert list(check_laws(broker, inspector)) == []
    call(broker)
    assert list(repair(broker, inspector)) == []


def test_nothing(broker: Broker, backend: Backend, namespace: str) -> None:
    assert list(check_laws(broker, Inspector(backend.link, namespace))) == []
