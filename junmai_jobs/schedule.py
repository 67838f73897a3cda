"""When something is due again and again: ticks, an interval's or a cron line's, and what a tick submits.

Ticks are whole seconds since 1970, and depend on nothing but the timetable: an interval's are its multiples
(``1h``: each full hour, UTC), so neither a restart nor a second worker moves them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain, count, islice, takewhile
from typing import TYPE_CHECKING, Any

from junmai_jobs import codec
from junmai_jobs.errors import OptionError, PayloadError
from junmai_jobs.job import Body, NewJob, check_name, is_name
from junmai_jobs.retry import LONGEST

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

ON_TIME = 30.0
"""Seconds by which a tick may be late before the catch-up policy decides."""
MOST_TICKS = 32
"""That are fired in one call."""
_LONGEST_NAME = 107  # and with ":2026-11-24T03:00:00Z" it is as long as an id may be
_LONGEST_CRON = 256
_SPEC_LIMIT = codec.PAYLOAD_LIMIT + 4096
_LENGTH = re.compile("(?=.)" + "".join(rf"(?:(\d{{1,12}}){unit})?" for unit in "wdhms"), re.ASCII)
_UNITS = (7 * 86400, 86400, 3600, 60, 1)
_LOOKBACKS = (60.0, 3600.0, 86400.0, 40 * 86400.0, math.inf)


class CatchUp(StrEnum):
    """What becomes of the ticks that nobody was there to fire."""

    SKIP = "skip"
    """None of them is fired."""
    ONCE = "once"
    """The newest is fired, for all of them."""
    ALL = "all"
    """Each is fired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When: ``every`` so many seconds, or as a ``cron`` line says in the time zone ``tz``."""

    every: int | None = None
    cron: str | None = None
    tz: str = "UTC"
    catch_up: CatchUp = CatchUp.ONCE

    @classmethod
    def of(
        cls, every: object = None, cron: object = None, tz: object = None, catch_up: object = None
    ) -> Timetable:
        """Read what a person gives.

        Args:
            every: seconds, a timedelta, or text as in ``90s``, ``1h30m``, ``2d``.
            cron: five fields (minute, hour, day, month, weekday), or six with the second first.
            tz: the time zone of ``cron``, as in ``Europe/Berlin``; None: UTC.
            catch_up: ``skip``, ``once`` or ``all``; None: ``once``.

        Raises:
            OptionError: one of them is wrong, or they do not go together.
        """
        if (every is None) == (cron is None):
            raise OptionError('give every or cron, one of the two: every="1h", or cron="0 3 * * *"')
        if tz is not None and cron is None:
            raise OptionError("tz goes with cron; the ticks of every are the same in all time zones")
        try:
            policy = CatchUp(str(catch_up)) if catch_up is not None else CatchUp.ONCE
        except ValueError:
            raise OptionError(f"catch_up is {catch_up!r}; give {', '.join(CatchUp)}") from None
        if every is not None:
            return cls(every=_seconds(every), catch_up=policy)
        made = cls(cron=_one_line(cron), tz="UTC" if tz is None else _zone_name(tz), catch_up=policy)
        made.after(0.0)
        return made

    def after(self, moment: float) -> int:
        """The first tick after a moment.

        Raises:
            OptionError: this machine does not know the time zone, or the cron line is not valid.
        """
        return next(self._ticks(moment))

    def due(self, tick: int, now: float) -> tuple[list[int], int]:
        """Which ticks are to be fired now, and which comes next.

        Args:
            tick: the oldest that nobody has fired; it is due.
            now: server time.

        Raises:
            OptionError: see ``after``.
        """
        if now - tick <= ON_TIME or self.catch_up is CatchUp.ALL:
            due = takewhile(lambda each: each <= now, chain([tick], self._ticks(tick)))
            ticks = list(islice(due, MOST_TICKS))
            return ticks, self.after(ticks[-1])
        return ([self._newest(tick, now)] if self.catch_up is CatchUp.ONCE else []), self.after(now)

    def _newest(self, tick: int, now: float) -> int:
        """The newest tick that is due, looked for in a growing piece of the past: it may be long."""
        for lookback in _LOOKBACKS:
            start = max(float(tick), now - lookback)
            found = list(takewhile(lambda each: each <= now, self._ticks(start)))
            if found or start == tick:
                break
        return found[-1] if found else tick

    def _ticks(self, moment: float) -> Iterator[int]:
        if self.every is not None:
            return count((math.floor(moment / self.every) + 1) * self.every, self.every)
        return _cron_ticks(str(self.cron), _zone(self.tz), moment)


def _cron_ticks(cron: str, zone: ZoneInfo, moment: float) -> Iterator[int]:
    """The ticks of a cron line, with the two odd days of the year.

    A line with a fixed time of day (neither hour nor minute begins with a star) is read by the clock on the
    wall: what the clock jumps over in spring is due at the end of the gap, and what it shows twice in autumn
    is due the first time. Any other line goes on with the time that really passes.
    """
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - few schedules have a cron line

    fields = cron.split()[-5:]
    by_the_wall = not any(each.startswith("*") for each in fields[:2])
    start = datetime.fromtimestamp(moment, zone)
    last = math.floor(moment)
    try:
        for found in CronSim(cron, start.replace(tzinfo=None) if by_the_wall else start):
            local = _real(found.replace(tzinfo=zone)) if by_the_wall else found
            tick = round(local.timestamp())
            if tick > last:
                yield tick
                last = tick
    except CronSimError as error:
        raise OptionError(
            f"cron is {cron!r}: {str(error).lower()}; give five fields (minute, hour, day, month, weekday), "
            "or six with the second first"
        ) from None
    except OverflowError:
        pass
    raise OptionError(f"cron is {cron!r}, which is never due")


def _real(local: datetime) -> datetime:
    """A time that the clock on the wall shows: this one, or the end of the gap it is in."""
    while local.astimezone(UTC).astimezone(local.tzinfo) != local:
        local = local.replace(second=0) + timedelta(minutes=1)
    return local


def length_of(text: str) -> int | None:
    """The seconds of a length of time as in ``90s``, ``1h30m`` or ``2d``; None: it is none."""
    parts = _LENGTH.fullmatch(text.replace(" ", ""))
    return parts and sum(int(part or 0) * unit for part, unit in zip(parts.groups(), _UNITS, strict=True))


def _seconds(every: object) -> int:
    seconds = every
    if isinstance(every, timedelta):
        seconds = every.total_seconds()
    elif isinstance(every, str):
        seconds = length_of(f"{every}s" if every.strip().isdigit() else every)
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 1 <= seconds <= LONGEST
        or seconds != int(seconds)
    ):
        raise OptionError(
            f"every is {every!r:.100}; "
            "give whole seconds from 1 to ten years, or text as in '90s', '1h30m', '2d'"
        )
    return int(seconds)


def _one_line(cron: object) -> str:
    if not isinstance(cron, str) or len(cron) > _LONGEST_CRON:
        raise OptionError(
            f"cron is {cron!r:.100}; give a line as in '0 3 * * *', at most {_LONGEST_CRON} long"
        )
    return " ".join(cron.split())


def _zone_name(tz: object) -> str:
    if not isinstance(tz, str):
        raise OptionError(f"tz is {tz!r}; give the name of a time zone, as in 'Europe/Berlin'")
    return _zone(tz).key


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only a cron line has one

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise OptionError(
            f"this machine knows no time zone {name!r}; give a name as in 'Europe/Berlin', or install tzdata"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A name, when, and the job that each tick submits."""

    name: str
    timetable: Timetable
    body: bytes
    delay: float = 0.0
    """Seconds from the tick until the job may start."""
    in_code: bool = False
    """Whether it stands at its task, ``@task(every=...)``, and goes when it does not stand there any more."""
    paused: bool = False
    """Whether its ticks pass by, and nobody fires them later."""

    def __post_init__(self) -> None:
        check_name(self.name, "schedule")
        if len(self.name) > _LONGEST_NAME:
            raise OptionError(
                f"the schedule's name has {len(self.name)} letters, the limit is {_LONGEST_NAME}"
            )

    def due(self, tick: int, now: float) -> tuple[list[int], int]:
        """Which ticks are to be fired now, and which comes next, see ``Timetable.due``."""
        return ([], self.timetable.after(now)) if self.paused else self.timetable.due(tick, now)

    def job_id(self, tick: int) -> str:
        """The id of a tick's job: there is one, whoever fires the tick and however often it is tried."""
        return f"{self.name}:{datetime.fromtimestamp(tick, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def job(self, job_id: str) -> NewJob:
        """What a tick submits."""
        return NewJob(id=job_id, body=self.body, delay=self.delay)

    def encode(self) -> bytes:
        """The stored form; schedules are the same if it is.

        Raises:
            PayloadError: it is too large.
        """
        when = self.timetable
        parts = {
            "body": self.body,
            "delay": float(self.delay),
            "every": when.every,
            "cron": when.cron,
            "tz": when.tz,
        }
        parts |= {"catch_up": when.catch_up.value, "in_code": self.in_code, "paused": self.paused}
        return codec.pack(parts, limit=_SPEC_LIMIT, place="the schedule")

    @classmethod
    def decode(cls, name: str, spec: bytes) -> Schedule:
        """Read the stored form.

        Raises:
            PayloadError: it cannot be read, or is of a newer version.
        """
        parts = codec.unpack(spec)
        if not is_name(name) or not isinstance(parts, Mapping) or not _fits(parts):
            raise PayloadError("it is damaged, or of a newer version of junmai-jobs")
        when = Timetable(
            every=parts["every"],
            cron=parts["cron"],
            tz=parts["tz"],
            catch_up=CatchUp(parts["catch_up"]),
        )
        rest = {each: parts[each] for each in ("body", "delay", "in_code", "paused")}
        return cls(name=name, timetable=when, **rest)

    @classmethod
    def readable(cls, name: str, spec: bytes) -> Schedule | None:
        """A stored one; None: it cannot be read."""
        try:
            return cls.decode(name, spec)
        except (PayloadError, OptionError):
            return None

    def as_dict(self) -> dict[str, Any]:
        """What people see of it.

        Raises:
            PayloadError: its job cannot be read.
        """
        body, when = Body.decode(self.body), self.timetable
        return {
            "name": self.name,
            "task": body.task,
            "args": list(body.args),
            "kwargs": dict(body.kwargs),
            "queue": body.queue,
            "priority": body.priority,
            "every": when.every,
            "cron": when.cron,
            "tz": when.tz,
            "catch_up": when.catch_up,
            "in_code": self.in_code,
            "paused": self.paused,
        }


def _fits(parts: Mapping[str, Any]) -> bool:
    kinds: dict[str, Any] = {
        "body": bytes, "delay": float, "every": int | None, "cron": str | None, "tz": str,
        "catch_up": str, "in_code": bool, "paused": bool,
    }  # fmt: skip
    return (
        parts.keys() == kinds.keys()
        and all(isinstance(parts[name], kind) for name, kind in kinds.items())
        and (parts["every"] is None) != (parts["cron"] is None)
        and (parts["every"] is None or 1 <= parts["every"] <= LONGEST)
        and 0 <= parts["delay"] <= LONGEST
        and parts["catch_up"] in set(CatchUp)
    )
