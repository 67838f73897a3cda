from __future__ import annotations

from typing import TYPE_CHECKING

from tests.verbs.scenarios import PHOTO, die, record

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_nothing_is_held_against_it_any_more(store: Store) -> None:
    for job_ids in ("ab", "cd"):
        for job_id in job_ids:
            die(store, job_id)
        store.broker.acquit(PHOTO)
        assert (record(store), store.line("suspected")) == ([], [])
    assert not store.broker.suspicion(PHOTO).deaths


def test_another_input_stays_suspect(store: Store) -> None:
    die(store, "a", signal="SIGSEGV", input=PHOTO + "0")
    store.broker.acquit(PHOTO)
    assert store.line("suspected") == [PHOTO + "0"]
