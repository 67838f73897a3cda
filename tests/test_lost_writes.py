"""A replica that takes over without the last writes: what is lost with them, and what holds all the same."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings
from junmai_jobs.connection import ClientLink
from junmai_jobs.errors import StaleLease, StoreUnavailable
from tests.crossing import store_on
from tests.topologies import is_linked
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import StartServer
    from tests.servers import RedisProcess
    from tests.verbs.store import Store


def follow(replica: RedisProcess, primary: RedisProcess) -> None:
    with replica.client() as client:
        client.replicaof("127.0.0.1", str(primary.port))
    wait_until(lambda: is_linked(replica), what="the replica")


@pytest.fixture
def pair(redis_process: StartServer) -> list[RedisProcess]:
    """A primary and its replica."""
    started = [redis_process("--repl-diskless-sync-delay", "0") for _ in range(2)]
    follow(started[1], started[0])
    return started


@pytest.fixture
def stores(pair: list[RedisProcess]) -> Iterator[list[Store]]:
    """The same namespace on both."""
    with ExitStack() as stack:
        links = [ClientLink(server, patience=0.3) for server in pair]
        for link in links:
            stack.callback(link.client.close)
        yield [
            store_on(link, stack.enter_context(server.client()), "studio")
            for link, server in zip(links, pair, strict=True)
        ]


def test_tokens_grow_though_the_last_were_lost(pair: list[RedisProcess], stores: list[Store]) -> None:
    old, new = stores
    kept = old.running("kept")
    assert old.admin.wait(1, 5000) == 1

    new.admin.replicaof("NO", "ONE")
    old.broker.end(kept, endings.succeed(b"\x01"))
    lost = old.running("lost", claimer="w/2")

    assert new.all_homes() == {"kept": ["leases"]}
    later = new.running("later", claimer="w/3")
    assert int(kept.token) < int(lost.token) < int(later.token)
    with new.unchanged(), pytest.raises(StaleLease):
        new.broker.end(lost, endings.succeed(b"\x01"))
    new.broker.end(kept, endings.succeed(b"\x01"))
    new.audit()

    follow(pair[0], pair[1])
    assert old.dump() == new.dump()


def test_a_job_whose_claim_was_lost_is_run_again_and_ends_once(
    stores: list[Store],
) -> None:
    old, new = stores
    old.add("a")
    assert old.admin.wait(1, 5000) == 1

    new.admin.replicaof("NO", "ONE")
    first = old.claim(claimer="w/1")
    second = new.claim(claimer="w/2")

    assert first
    assert second
    assert (first.id, second.id) == ("a", "a")
    with new.unchanged(), pytest.raises(StaleLease):
        new.broker.end(first, endings.succeed(b"\x01"))
    new.broker.end(second, endings.succeed(b"\x02"))
    assert new.homes("a") == ["succeeded"]


def test_a_primary_that_must_have_a_replica_takes_nothing_without(
    pair: list[RedisProcess], stores: list[Store]
) -> None:
    old, new = stores
    old.admin.config_set("min-replicas-to-write", 1)
    old.add("a")
    assert old.admin.wait(1, 5000) == 1

    new.admin.replicaof("NO", "ONE")
    wait_until(lambda: old.admin.info("replication")["connected_slaves"] == 0, what="the replica to leave")
    with old.unchanged(), pytest.raises(StoreUnavailable, match="NOREPLICAS"):
        old.add("b")

    follow(pair[1], pair[0])
    old.add("c")
    assert old.homes("c") == ["ready"]
