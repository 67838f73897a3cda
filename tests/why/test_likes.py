"""What was learnt of the kind of the jobs before it tells when a job starts."""

from __future__ import annotations

import importlib
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import task
from junmai_jobs.estimates import Like, Observation, lessons
from junmai_jobs.job import new_id
from tests.why.simulated import Simulated

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from tests.backends import Backend


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("junmai_jobs.task"), "_registry", {})
    task(name="print_size", alike=lambda centimetres: f"{centimetres} cm")(abs)


def teach(broker: Broker, like: Like, seconds: float) -> None:
    broker.learn(new_id(), lessons({like: [Observation(seconds)] * 9}), most=1600)


def expected(studio: Simulated, job_id: str) -> float:
    """Seconds until it starts."""
    why = studio.why(job_id)
    assert why.expected_start is not None, why
    return datetime.fromisoformat(why.expected_start).timestamp() - studio.now


def test_each_kind_before_it_counts_as_it_is(backend: Backend, broker: Broker) -> None:
    studio = Simulated(backend, broker)
    studio.worker("w", 1, "default", tasks=["print_size", "unheard_of"])
    studio.submit(20, 1, 1, task="print_size", args=(30,))  # the last that ended tell of no other size
    studio.run(lambda: len(studio.started) == 20)
    for centimetres, seconds in ((30, 1), (90, 9)):
        teach(broker, Like("print_size", f"{centimetres} cm", "CPU"), seconds)
    studio.submit(4, 9, 9, task="print_size", args=(90,))
    last = studio.submit(1, 1, 1, task="print_size", args=(30,))[0]
    told, asked_at = expected(studio, last), studio.now
    assert told == pytest.approx(37, abs=1.5), "one that runs, and four large ones"
    studio.run(lambda: last in studio.started)
    assert studio.started[last] - asked_at == pytest.approx(told, rel=0.05)


def test_what_was_learnt_tells_where_none_has_ended_lately(backend: Backend, broker: Broker) -> None:
    studio = Simulated(backend, broker)
    studio.worker("w", 1, "default", tasks=["print_size", "unheard_of"])
    teach(broker, Like("unheard_of", None, "CPU"), 10)
    *_, last = studio.submit(5, 10, 10, task="unheard_of")
    studio.run(lambda: len(studio.started) == 1)
    assert expected(studio, last) == pytest.approx(40, abs=1)
