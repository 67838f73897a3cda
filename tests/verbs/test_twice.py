"""A call may arrive twice, since its reply may be lost: every verb then has the same answer and outcome."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs import scripts
from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink, DedicatedLink
from tests.proxy import Proxy
from tests.servers import RedisProcess
from tests.verbs.cases import CASES, QUEUES, enqueue
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.connection import Link
    from tests.backends import Backend
    from tests.verbs.cases import Case
    from tests.verbs.store import Store

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)


def test_every_verb_has_a_case() -> None:
    assert set(scripts.VERBS) <= {case.__name__ for case in CASES}


@every_case
def test_twice_is_as_once(store: Store, case: Case) -> None:
    call = case(store)
    answer, once = call(store.broker), store.dump()
    again = call(store.broker)
    assert store.dump() == once
    assert again == (["a", "b"] if case is enqueue else answer)


@pytest.fixture(params=[ClientLink, DedicatedLink])
def bad_line(request: pytest.FixtureRequest, redis_backend: Backend) -> Iterator[tuple[Link, Proxy]]:
    """A link that is connected, and the proxy it goes through."""
    server = redis_backend.endpoint
    assert isinstance(server, RedisProcess)
    with Proxy(server.port) as proxy:
        link: Link = request.param(replace(server, port=proxy.port))
        Broker(link, "nothing").promote([])
        yield link, proxy


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "first sent"])
@every_case
def test_a_lost_reply_goes_unnoticed(
    redis_backend: Backend, stores: list[Store], bad_line: tuple[Link, Proxy], case: Case, cached: bool
) -> None:
    expected, actual = stores
    answer = case(expected)(expected.broker)
    call = case(actual)
    link, proxy = bad_line
    if not cached:
        redis_backend.admin.function_flush()
    # Where the library is not known that is told twice, and then that it was loaded.
    proxy.lose_reply(after=0 if cached else 3)
    given = call(Broker(link, actual.namespace, moved_clock=True))
    assert proxy.lost == 1
    assert actual.dump() == expected.dump()
    assert _without_tokens(given) == _without_tokens(["a", "b"] if case is enqueue else answer)


def _without_tokens(answer: object) -> str:
    return re.sub(r"'\d{16}'", "'<token>'", repr(answer))


@pytest.mark.parametrize("kind", [ClientLink, DedicatedLink])
def test_a_lost_library_goes_unnoticed(
    redis_backend: Backend, kind: type[ClientLink | DedicatedLink]
) -> None:
    with redis_backend.namespace() as name:
        broker = Broker(kind(redis_backend.endpoint), name)
        broker.enqueue([new_job("a"), new_job("b")])
        for number, job_id in enumerate("ab"):
            redis_backend.admin.function_flush()
            job = broker.claim("w/1", f"1.{number}", QUEUES)
            assert job is not None
            assert job.id == job_id
            redis_backend.admin.function_flush()
            broker.end(job, verbs.succeed(b""))
