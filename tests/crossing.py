"""Every verb, called over a change of servers: before it, after it, and on both sides."""

from __future__ import annotations

import re
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.keys import Keys
from tests.backends import Clock
from tests.verbs.cases import CASES, enqueue
from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from junmai_jobs.connection import Endpoint, Link
    from tests.verbs.cases import Call, Case

KINDS = ("ordinary", "dedicated")
NAMES = [case.__name__ for case in CASES]


@contextmanager
def linked(kind: str, endpoint: Endpoint, **options: Any) -> Iterator[Link]:
    """A link of a kind of ``KINDS``."""
    if kind == "dedicated":
        with closing(DedicatedLink(endpoint, **options)) as dedicated:
            yield dedicated
    else:
        link = ClientLink(endpoint, **options)
        with closing(link.client):
            yield link


def without_tokens(answer: object) -> str:
    return re.sub(r"'\d{16}'", "'<token>'", repr(answer))


def store_on(link: Link, admin: Any, namespace: str) -> Store:
    """A namespace of a server as the tests of the verbs see it."""
    clock = Clock(admin, Keys.of(namespace).meta)
    return Store(Broker(link, namespace, moved_clock=True), admin, namespace, clock.advance)


@dataclass
class Crossing:
    """One case, in three stores: what should be, a call on both sides, and one on the far side only."""

    case: Case
    should_be: Store
    twice: Store
    after: Store
    answer: object = field(init=False)
    calls: tuple[Call, ...] = field(init=False)
    left: float = field(init=False)

    @classmethod
    def of(cls, case: Case, make_store: Callable[[str], Store], prefix: str) -> Crossing:
        prefix = f"{prefix}-{case.__name__}".replace("_", "-")
        return cls(case, *(make_store(f"{prefix}-{number}") for number in range(3)))

    def before(self) -> None:
        """On the near side."""
        self.answer = self.case(self.should_be)(self.should_be.broker)
        self.calls = (self.case(self.twice), self.case(self.after))
        self.calls[0](self.twice.broker)
        self.left = time.monotonic()

    def check(self) -> None:
        """On the far side: each call has the answer and the outcome that it should.

        The time on the way is taken back: after more than half a lease nobody is reaped, which is right.
        """
        for store in (self.twice, self.after):
            store.advance(self.left - time.monotonic() + 0.1)
        self.should_be.advance(0)
        again = ["a", "b"] if self.case is enqueue else self.answer
        assert without_tokens(self.calls[0](self.twice.broker)) == without_tokens(again)
        assert without_tokens(self.calls[1](self.after.broker)) == without_tokens(self.answer)
        for store in (self.twice, self.after):
            assert store.dump() == self.should_be.dump()
            store.audit()
