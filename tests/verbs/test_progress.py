from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease

if TYPE_CHECKING:
    from tests.verbs.store import Store


def note(store: Store) -> object:
    text = store.admin.hget(store.keys.progress_notes, "a")
    return None if text is None else json.loads(text)


def test_the_last_word_of_a_run_is_kept(store: Store) -> None:
    job = store.running("a")
    for done in (1, 2):
        assert not store.broker.progress(job, {"done": done, "message": "caf\u00e9"})
    assert note(store) == {"done": 2, "message": "caf\u00e9"}


def test_a_run_may_ask_whether_it_still_counts(store: Store) -> None:
    job = store.running("a")
    with store.unchanged():
        assert not store.broker.progress(job)


def test_a_run_is_told_to_stop(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person.1")
    assert store.broker.progress(job)
    assert store.broker.progress(job, {"done": 1})


def test_a_run_that_lost_its_job_is_told_so(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease, match="stop, its outcome does not count"):
        store.broker.progress(job, {"done": 1})
    assert store.claim(claimer="w/2") is not None
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.progress(job)


def test_a_run_that_has_ended_has_no_more_to_say(store: Store) -> None:
    job = store.ended("a", verbs.succeed(b""))
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.progress(job, {"done": 1})
