"""Any sequence of calls, and any damage to any key: whatever chance makes of a namespace."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs import endings as verbs
from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES, Keys
from tests.laws.scene import LIMIT, OFFERS, QUEUES, WORKERS
from tests.verbs.scenarios import schedule
from tests.verbs.store import BAND, ERROR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from junmai_jobs.job import Claimed
    from tests.verbs.store import Store

CLAIMERS = ("v/8", "v/9", "w/8")
ENDINGS = (
    verbs.succeed(b"\x01", 60), verbs.fail(ERROR, "no"), verbs.retry(20, ERROR), verbs.defer(20),
)  # fmt: skip
SCORES = (float("inf"), float("-inf"), -1, 0, 0.5, 1.5 * BAND + 0.25, 12 * BAND, 2**53, 1e300)
JUNK = (
    b"",
    b" ",
    b"junk",
    b"\xff\xfe\x00",
    b"nobody 0 nobody",
    b"a b c",
    b"a b",
    b"9" * 30,
    b"-1",
    b"2|\n",
    b"{}",
)


@dataclass
class Life:
    """Calls that chance chooses; who makes them knows nothing of damage, and goes on after an error."""

    store: Store
    chance: Random
    runs: list[Claimed] = field(default_factory=list)
    made: int = 0

    def go_on(self, calls: int) -> None:
        """So many calls."""
        for _ in range(calls):
            with suppress(JunmaiJobsError):
                self.chance.choice(self._calls())()

    def stop(self) -> None:
        """Whatever runs is given back, and all workers say anew what they are."""
        for worker in WORKERS:
            self.store.broker.register(worker, {"host": "studio", "pid": 1, "offers": OFFERS})
        for claimer in CLAIMERS:
            self.store.broker.release(claimer, self.store.request())

    def _calls(self) -> tuple[Callable[[], object], ...]:
        store, broker = self.store, self.store.broker
        return (
            self._submit, self._submit, self._submit, self._claim, self._claim, self._claim_ahead, self._end,
            self._end, lambda: store.advance(self.chance.uniform(0, 20)), lambda: broker.promote(QUEUES),
            broker.resolve, lambda: broker.reap(QUEUES), lambda: broker.cancel(self._any(), "person"),
            lambda: broker.revive(self._any(), store.request()), lambda: broker.reprioritize(self._any(), 7),
            lambda: broker.boost([self._any(), self._any()]),
            lambda: broker.prune(self.chance.choice(FINISHED_HOMES), max_age=5, keep=3),
            lambda: broker.release(self._claimer(), store.request()), self._note, self._note, broker.expire,
            lambda: broker.purge("night", ("ready", "blocked"), store.request()), broker.sample,
            lambda: broker.deregister("v", CLAIMERS[:2], lost=False),
            lambda: broker.register("v", {"host": "studio"}), lambda: broker.extend("v", CLAIMERS),
            lambda: broker.schedule(schedule(f"s{self.chance.randrange(3)}")),
            lambda: broker.unschedule(f"s{self.chance.randrange(3)}", store.request()),
            lambda: broker.crash(self._claimer(), store.request(), {"signal": "SIGKILL"}),
        )  # fmt: skip

    def _claimer(self) -> str:
        return self.chance.choice(CLAIMERS)

    def _any(self) -> str:
        return f"job.{self.chance.randrange(self.made + 1)}"

    def _submit(self) -> None:
        chance = self.chance
        options: dict[str, Any] = {
            "queue": chance.choice(["default", "night"]),
            "priority": chance.randrange(11),
        }
        match chance.randrange(7):
            case 0:
                options |= {"queue": "limited", "extras": LIMIT}
            case 1:
                options |= {
                    "extras": {"u": f"k{chance.randrange(3)},alive,0,{chance.choice(['first', 'last'])}"}
                }
            case 2:
                options |= {"extras": {"b": "shoot", "r": "day,2,9000"}}
            case 3:
                options |= {
                    "after": (self._any(),),
                    "after_policy": chance.choice(["cancel", "continue+", "failure"]),
                }
            case 4:
                options |= {"delay": chance.uniform(0.1, 30)}
            case 5:
                options |= {"needs": {"ram_mb": 1000}, "queue": "default"}
        self.made += 1
        self.store.add(f"job.{self.made}", **options)

    def _note(self) -> None:
        """A run tells of itself, and keeps a value."""
        if self.runs:
            job, broker = self.chance.choice(self.runs), self.store.broker
            broker.progress(job, {"done": 1})
            broker.checkpoint(job, b"\x07")
            broker.log(job, self.chance.randrange(99), "sharp")
            key = f"noop 1 {self.chance.randrange(9)}"
            broker.remember(key, job.token, bytes(10), lasts=math.inf, most=5, room=9999)

    def _claim(self) -> None:
        if (job := self.store.claim(*QUEUES, claimer=self._claimer())) is not None:
            self.runs.append(job)

    def _claim_ahead(self) -> None:
        self.runs += self.store.claim_ahead(3, claimer=self._claimer())

    def _end(self) -> None:
        if self.runs:
            job = self.runs.pop(self.chance.randrange(len(self.runs)))
            self.store.broker.end(job, self.chance.choice(ENDINGS))


@dataclass
class Havoc:
    """Damage of any key, whatever stands in it."""

    store: Store
    chance: Random

    def act(self) -> str:
        """One deed, in words."""
        key = self.chance.choice(list(self._keys()))
        kind = self.store.admin.type(key).decode()
        self.store.admin.zadd(self.store.keys.queues, {"elsewhere": 0}) if self.store.admin.type(
            self.store.keys.queues
        ) in {b"zset", b"none"} else None
        deeds = {"hash": self._hash, "zset": self._set}.get(kind)
        if key != self.store.keys.meta and (deeds is None or self.chance.random() < 0.1):
            deeds = self._whole
        assert deeds is not None
        return f"{key} ({kind}): {deeds(key)}"

    def _keys(self) -> Iterator[str]:
        keys = self.store.keys
        yield from (name for name in keys if name != keys.prefix)
        yield from (
            keys.queue(lane, kind) for lane in (*QUEUES, "elsewhere") for kind in (*QUEUE_HOMES, "bell")
        )
        yield from (keys.control("w"), f"{keys.prefix}aside:children", f"{keys.prefix}aside:queues")
        yield from (f"{keys.prefix}aside:uniques", f"{keys.prefix}aside:holders")

    def _bytes(self) -> bytes:
        """Of some other place, or junk."""
        admin, keys = self.store.admin, self.store.keys
        if self.chance.random() < 0.6:
            name = self.chance.choice([name for name in Keys._fields if name != "prefix"])
            key = getattr(keys, name)
            match admin.type(key):
                case b"hash":
                    found = [each for pair in admin.hgetall(key).items() for each in pair]
                case b"zset":
                    found = admin.zrange(key, 0, -1)
                case _:
                    found = []
            if found:
                return bytes(self.chance.choice(found))
        return self.chance.choice([*JUNK, self.chance.randbytes(self.chance.randrange(40))])

    def _spoiled(self, data: bytes) -> bytes:
        at, chance = self.chance.randrange(len(data) + 1), self.chance
        return chance.choice(
            [data[:at], data[:at] + chance.randbytes(1) + data[at + 1 :], data[at:], self._bytes()]
        )

    def _whole(self, key: str) -> str:
        admin = self.store.admin
        admin.delete(key)
        match self.chance.randrange(6):
            case 0:
                admin.set(key, self._bytes())
            case 1:
                admin.sadd(key, self._bytes())
            case 2:
                admin.rpush(key, self._bytes())
            case 3:
                admin.hset(key, self._bytes(), self._bytes())
            case 4:
                admin.zadd(key, {self._bytes(): 1})
            case _:
                return "deleted"
        return "replaced"

    def _hash(self, key: str) -> str:
        admin, fields = (
            self.store.admin,
            [each for each in self.store.admin.hkeys(key) if each != b"clock_offset"],
        )
        one = self.chance.choice(fields)
        match self.chance.randrange(4):
            case 0:
                admin.hdel(key, one)
            case 1:
                admin.hset(key, one, self._spoiled(admin.hget(key, one)))
            case 2:
                admin.hset(key, one, admin.hget(key, self.chance.choice(fields)))
            case _:
                one = self._bytes()
                admin.hset(key, one, self._bytes())
        return f"{one!r} {admin.hget(key, one)!r}"

    def _set(self, key: str) -> str:
        admin = self.store.admin
        one = self.chance.choice(admin.zrange(key, 0, -1))
        match self.chance.randrange(4):
            case 0:
                admin.zrem(key, one)
            case 1 | 2:
                admin.zadd(key, {one: self.chance.choice(SCORES)})
            case _:
                one = self._bytes()
                admin.zadd(key, {one: self.chance.choice([0, 1, 5 * BAND, *SCORES])})
        return f"{one!r} {admin.zscore(key, one)!r}"
