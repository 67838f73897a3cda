"""The read side's word on what keeps jobs back that could run: full limits, and machines that are taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from junmai_jobs.inspector.base import InspectorBase
from junmai_jobs.lanes import needs_of
from junmai_jobs.machines import OF_A_CARD, can_serve
from junmai_jobs.replies import text_of
from junmai_jobs.why.facts import Full
from junmai_jobs.why.forecast import Limit

_DUE, _HOLDERS, _PARKED, _NAMED = 20, 1000, 10, 5
_AMOUNT = re.compile(r"[0-9.]+(?:e[+-]?[0-9]+)?")


class Parked(NamedTuple):
    """Jobs that have left the line to wait for room in a limit."""

    key: str
    number: int
    score: float
    """The place in line of the first."""
    ids: tuple[str, ...]
    """The first of them."""


def key_of(spec: str) -> str:
    """Of a limit's spec, ``key,count`` or ``key,count,ms``, the key; see lua/lib/limits.lua."""
    return spec.partition(",")[0]


def specs_in(extras: Mapping[str, str]) -> tuple[str, ...]:
    """The specs of the limits that a body names, those that are such."""
    return tuple(spec for name in ("c", "r") if is_spec(spec := extras.get(name, "")))


def is_spec(spec: str) -> bool:
    """Whether it is the spec of a limit."""
    key, *numbers = spec.split(",")
    return bool(key) and len(numbers) in {1, 2} and all(map(str.isdecimal, numbers))


def named(key: str, before: str = "") -> tuple[str, str]:
    """Of a set that is read by name the bounds of a key's entries, or of those before one of them."""
    return f"[{key} ", f"({key} {before}" if before else f"({key}!"


def offers_in(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pools that a worker offers, without what is none."""
    offers = said.get("offers")
    return [
        pool
        for pool in (offers if isinstance(offers, list) else ())
        if isinstance(pool, dict)
        and all(type(amount) in {int, float} for name, amount in pool.items() if name != "pool")
    ]


def room_for(lane: str, offers: Iterable[Mapping[str, Any]]) -> int | None:
    """How many jobs of a lane these pools have room for; None: the lane needs nothing."""
    pools, rooms = {str(pool.get("pool")): pool for pool in offers}.values(), list[int]()
    for is_card in (True, False):
        needs = {name: amount for name, amount in needs_of(lane).items() if (name in OF_A_CARD) == is_card}
        if needs:
            rooms.append(
                sum(
                    min(int(pool.get(name, 0) / amount + 1e-6) for name, amount in needs.items())
                    for pool in pools
                    if ("gpu" in pool) == is_card
                )
            )
    return min(rooms) if rooms else None


class InspectorLimits(InspectorBase):
    """The part of the read side that looks at limits and machines."""

    def full(self, specs: Sequence[str], place: str, parked_for: str, now: float) -> Full | None:
        """Of a job's limits the first without room, or the one that it waits for out of line.

        Args:
            specs: its limits.
            place: ``SCORE ID``, as it stands or would stand among those that wait for room.
            parked_for: the key of the limit that it waits for; empty: it stands in line.
            now: seconds since 1970.
        """
        for spec in specs:
            key, most, *span = spec.split(",")
            width = int(span[0]) if span else 0
            low, high = named(key)
            since = f"[{key} {now * 1e6 - width * 1e3:016.0f}"
            used, before = self._pipeline(
                [
                    ("ZLEXCOUNT", self.keys.starts, since, high)
                    if width
                    else ("ZLEXCOUNT", self.keys.holders, low, high),
                    ("ZLEXCOUNT", self.keys.parked, *named(key, place)),
                ]
            )
            if used >= int(most) or key == parked_for:
                return Full(key, int(most), used, width / 1000, before)
        return None

    def taken(self, lane: str, offers: Iterable[Mapping[str, Any]]) -> str:
        """Who holds what a lane's jobs need of machines, in words; empty: it is free, or is there nowhere."""
        needs, pools = needs_of(lane), {str(pool.get("pool")): pool for pool in offers}
        if not needs or not can_serve(list(pools.values()), needs):
            return ""
        rows = {name: self._holds(f"@{name}") for name in pools}
        left = [_left(pool, [holds for _, holds in rows[name]]) for name, pool in pools.items()]
        if can_serve(left, needs):
            return ""
        wanted = ", ".join(f"{name} {amount:g}" for name, amount in needs.items())
        holders = [job_id for row in rows.values() for job_id, _ in row]
        return f"what it needs is taken ({wanted}), by {', '.join(holders[:_NAMED])}"

    def _holds(self, key: str) -> list[tuple[str, str]]:
        """Job and amounts, of those that hold something of a pool."""
        entries = self._read("ZRANGEBYLEX", self.keys.holders, *named(key), "LIMIT", 0, _HOLDERS)
        rows = (text_of(entry).split(" ") for entry in entries)
        return [(row[1], row[2]) for row in rows if len(row) == 3]

    def holders(self, specs: Sequence[str]) -> set[str]:
        """Jobs that hold room in these limits."""
        replies = self._pipeline(
            [("ZRANGEBYLEX", self.keys.holders, *named(key_of(spec)), "LIMIT", 0, _HOLDERS) for spec in specs]
        )
        members = (text_of(member).split(" ") for reply in replies for member in reply)
        return {member[1] for member in members if len(member) > 1}

    def limit(self, spec: str, now: float) -> Limit:
        """A limit as a forecast takes it."""
        key, most, *span = spec.split(",")
        if not span:
            return Limit(int(most))
        width = int(span[0]) / 1000
        since, till = f"[{key} {(now - width) * 1e6:016.0f}", named(key)[1]
        entries = self._read("ZRANGEBYLEX", self.keys.starts, since, till, "LIMIT", 0, max(1, int(most)))
        times = (row[1] for entry in entries if len(row := text_of(entry).split(" ")) == 3)
        ago = [now - int(micros) / 1e6 for micros in times if micros.isdecimal()]
        return Limit(int(most), width, tuple(each for each in ago if each < width))

    def parked(self, own: Iterable[str], score: float, job_id: str) -> list[Parked]:
        """Those that wait for room in a limit and go before a job.

        Args:
            own: the keys of the job's limits; besides these those are looked at that are due next.
            score: of the job's place in line.
            job_id: it.
        """
        due = map(text_of, self._read("ZRANGE", self.keys.limits_due, 0, _DUE - 1))
        mine = list(own)
        keys = list(dict.fromkeys((*mine, *(key_of(spec) for spec in due if is_spec(spec)))))
        commands: list[tuple[object, ...]] = []
        for key in keys:
            bounds = named(key, f"{score:016.0f} {job_id if key in mine else ''}")
            commands.append(("ZLEXCOUNT", self.keys.parked, *bounds))
            commands.append(("ZRANGEBYLEX", self.keys.parked, *bounds, "LIMIT", 0, _PARKED))
        replies = self._pipeline(commands)
        found = []
        for key, count, entries in zip(keys, replies[::2], replies[1::2], strict=True):
            rows = [text_of(entry).split(" ") for entry in entries]
            rows = [row for row in rows if len(row) == 3 and row[1].isdecimal()]
            if count and rows:
                found.append(Parked(key, count, float(rows[0][1]), tuple(row[2] for row in rows)))
        return found


def _left(pool: Mapping[str, Any], holds: Sequence[str]) -> dict[str, Any]:
    """What is left of a pool, of which so much is held: each as in ``gpu=1,vram_mb=6000``."""
    left = dict(pool)
    for amounts in holds:
        for name, _, amount in (each.partition("=") for each in amounts.split(",")):
            if name in left and _AMOUNT.fullmatch(amount):
                left[name] -= float(amount)
    return left
