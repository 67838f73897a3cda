"""A server that is killed in the middle of a script leaves half of it in its log, and replays that half.

Not at the next start, but at the second: the first cuts off the half command at the end and goes on writing
behind the open MULTI, so that at the second start the half of the script takes effect together with what was
done in between, when nobody knew of it. Whatever was acknowledged must survive that, wherever the cut is.
"""

from __future__ import annotations

import random
import re
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink
from junmai_jobs.keys import FINISHED_HOMES
from tests.backends import Clock
from tests.verbs.cases import CASES
from tests.verbs.scenarios import work
from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import StartServer
    from tests.servers import RedisProcess
    from tests.verbs.cases import Call, Case

NO_SYNC = ("--appendfsync", "no")
"""What was written outlives the death of its server; only a power cut would need more."""
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)


@contextmanager
def opened(server: RedisProcess) -> Iterator[Store]:
    """Start a server, give its store, and kill it."""
    link = ClientLink(server.start())
    with closing(link.client) as client:
        broker = Broker(link, "torn", moved_clock=True)
        yield Store(broker, client, "torn", Clock(client, broker.keys.meta).advance)
    server.kill()


@dataclass(frozen=True)
class TornCall:
    """The log of a server that was killed during a call."""

    server: RedisProcess
    call: Call
    log: Path
    whole: bytes
    begin: int
    """Where in the log the call begins."""
    moment: float
    """When it was made."""
    survivors: set[str]
    """The jobs that there are when the call is through."""

    @classmethod
    def of(cls, server: RedisProcess, case: Case) -> TornCall:
        """Make the call on a server of its own."""
        server.kill()
        with opened(server) as store:
            call = case(store)
            (log,) = server.folder.glob("appendonlydir/*.incr.aof")
            begin, moment = log.stat().st_size, time.time()
            call(store.broker)
            survivors = jobs_in(store)
        return cls(server, call, log, log.read_bytes(), begin, moment, survivors)

    def commands(self) -> list[range]:
        """Of each command of the call the bytes, so that a cut before any of them leaves it out."""
        marks = re.finditer(rb"^\*\d+\r\n(?=\$)", self.whole[self.begin :], re.MULTILINE)
        starts = [self.begin + mark.start() for mark in marks]
        return [range(start, end) for start, end in pairwise([*starts, len(self.whole)])]

    def survives(self, cut: int, meanwhile: Callable[[Store, Call], object]) -> None:
        """Cut the log there and start twice: nothing that was acknowledged is lost."""
        self.log.write_bytes(self.whole[:cut])
        with opened(self.server) as store:
            store.advance(self.moment - time.time())
            meanwhile(store, self.call)
            store.add("later")
            acknowledged = jobs_in(store) & (self.survivors | {"later"})
            answered = lasting(store)
        with opened(self.server) as store:
            if meanwhile is the_caller_asks_again:
                assert lasting(store) == answered
            work(store)
            homes = store.all_homes()
            for job_id in acknowledged:
                # What was finished by half, and then ended otherwise, stays there too until it is pruned.
                assert store.state(job_id).word in homes[job_id]
                assert set(homes[job_id]) <= set(FINISHED_HOMES)
            forget_all(store)
            assert store.all_homes() == {}
            store.audit()


def jobs_in(store: Store) -> set[str]:
    return {job_id.decode() for job_id in store.admin.hkeys(store.keys.bodies)}


def lasting(store: Store) -> dict[str, Any]:
    """What is stored, but for rings and the last sequence number: the half that was replayed adds to them."""
    store.hush()
    return {name: content for name, content in store.dump().items() if name != "meta"}


def nobody(_store: Store, _call: Call) -> None:
    """The caller is gone, and nobody else works."""


def the_caller_asks_again(store: Store, call: Call) -> None:
    call(store.broker)


def others_work(store: Store, _call: Call) -> None:
    work(store)


MEANWHILE = (nobody, the_caller_asks_again, others_work)


def forget_all(store: Store) -> None:
    for word in FINISHED_HOMES:
        store.broker.prune(word, max_age=0, keep=0)
    store.hush()


@every_case
def test_a_cut_inside_any_command_loses_nothing(redis_process: StartServer, case: Case) -> None:
    """Each command is cut once, and all that may happen meanwhile happens, in turn."""
    torn = TornCall.of(redis_process(*NO_SYNC), case)
    chance, commands = random.Random(case.__name__), torn.commands()
    for number in range(max(len(commands), len(MEANWHILE)) if commands else 0):
        cut = chance.choice(commands[number % len(commands)])
        torn.survives(cut, MEANWHILE[number % len(MEANWHILE)])


@pytest.mark.slow
@pytest.mark.timeout(900)
@every_case
def test_a_cut_of_any_command_loses_nothing(redis_process: StartServer, case: Case) -> None:
    """Before it, somewhere in it, before its last byte; whichever comes, all that may happen meanwhile."""
    torn = TornCall.of(redis_process(*NO_SYNC), case)
    chance = random.Random(case.__name__)
    for command in torn.commands():
        for cut in {command[0], chance.choice(command), command[-1]}:
            for meanwhile in MEANWHILE:
                torn.survives(cut, meanwhile)
