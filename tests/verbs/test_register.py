from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_a_worker_shows_that_it_is_there(store: Store) -> None:
    store.broker.register("w", {"host": "studio", "pid": 7})
    assert store.score("w", "workers") == pytest.approx(time.time() * 1000, abs=10_000)
    assert json.loads(store.admin.hget(store.keys.worker_info, "w") or b"") == {"host": "studio", "pid": 7}


def test_what_fails_from_then_on_is_told(store: Store) -> None:
    store.ended("old", verbs.fail(ERROR))
    store.advance(1)
    for name in ("w", "w2"):
        store.broker.register(name, {})
        store.advance(1)
        store.ended(f"of-{name}", verbs.fail(ERROR))
    store.advance(1)
    count, ids = store.broker.announce("1")
    assert (count, sorted(ids)) == (2, ["of-w", "of-w2"])


def test_what_it_said_last_counts(store: Store) -> None:
    store.broker.register("w", {"pid": 7})
    before = store.score("w", "workers")
    store.advance(60)
    store.broker.register("w", {"pid": 8})
    assert store.score("w", "workers") >= before + 60_000
    assert json.loads(store.admin.hget(store.keys.worker_info, "w") or b"") == {"pid": 8}


def test_that_its_governor_lets_it_run_more_or_less_is_an_event(store: Store) -> None:
    store.broker.listen()
    store.broker.register("w", {"governor": "full"})
    for _ in range(2):  # the second is the first once more
        store.broker.register("w", {"governor": "eased"}, governed="eased: CPU 90 %")
    store.broker.register("w", {"governor": "eased", "pid": 7})
    events = [entry for _, entry in store.admin.xrange(store.keys.event_stream)]
    assert [entry for entry in events if entry[b"word"] == b"governed"] == [
        {b"word": b"governed", b"id": b"w", b"queue": b"", b"detail": b"eased: CPU 90 %"}
    ]
