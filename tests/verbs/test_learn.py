from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs.estimates import OBSERVATION_BYTES, Like, Observation, lessons, packed

if TYPE_CHECKING:
    from tests.verbs.store import Store

LIKE = Like("noop", "24 MP", "CPU")
NAMES = ["noop|24 MP|CPU", "noop|24 MP|*", "noop|*|*"]
MOST = 4 * OBSERVATION_BYTES


def learn(store: Store, *seconds: float, like: Like = LIKE, request: str = "") -> None:
    runs = {like: [Observation(each, 1024) for each in seconds]}
    store.broker.learn(request or str(store.request()), lessons(runs), most=MOST)


def known(store: Store, name: str) -> list[float]:
    data = store.admin.hget(store.keys.observations, name)
    rows = [packed([Observation(each, 1024)]) for each in range(10)]
    found = [data[at : at + OBSERVATION_BYTES] for at in range(0, len(data), OBSERVATION_BYTES)]
    return [rows.index(each) for each in found]


def test_the_newest_are_kept_and_come_first(store: Store) -> None:
    learn(store, 1, 2)
    learn(store, 3, 4, 5)
    learn(store, 6, like=LIKE._replace(device="GPU"))
    assert known(store, NAMES[0]) == [5, 4, 3, 2]
    assert known(store, "noop|24 MP|GPU") == [6]
    assert known(store, NAMES[1]) == known(store, NAMES[2]) == [6, 5, 4, 3]


def test_a_call_that_arrives_twice_teaches_nothing_twice(store: Store) -> None:
    for _ in range(2):
        learn(store, 1, 2, request="one")
    assert known(store, NAMES[2]) == [2, 1]
    learn(store, 1, 2, request="another")
    assert known(store, NAMES[2]) == [2, 1, 2, 1]


def test_of_too_many_names_those_go_that_were_learnt_last_long_ago(store: Store) -> None:
    names = [f"noop|{number}|*" for number in range(3150)]
    store.admin.hset(store.keys.observations, mapping=dict.fromkeys(names, b"12345678"))
    store.admin.zadd(store.keys.observed, {name: 1 + number for number, name in enumerate(names)})
    learn(store, 1, like=Like("noop"))
    assert store.admin.zcard(store.keys.observed) == store.admin.hlen(store.keys.observations) == 3051
    learn(store, 2, like=Like("noop"))
    assert store.admin.zcard(store.keys.observed) == store.admin.hlen(store.keys.observations) == 3000
    assert store.line("observed")[:1] == [names[151]]
    assert known(store, "noop|*|*") == [2, 1]
