"""How much may run now, so that whoever works on this machine does not feel us.

Only what others use counts, see ``sensors.py``. A sensor at its limit eases; a critical one leaves room for
urgent work alone, or for none; the worst of them counts. A threshold that was passed is left 5 below it, and
between two changes of the grade lie 10 s, so that nothing flaps. The CPU counts for nothing where it has been
idle for long. No clock and no sensor is read here: the same readings always give the same grades.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from junmai_jobs.config import Config
    from junmai_jobs.sensors import Reading

URGENT = 9  # the priority from which a job is held back last
NOTHING = 11  # no job has this priority
_MARGIN = 5.0  # percent or C below a threshold at which it counts as left
_BETWEEN_CHANGES = 10.0  # s
_NEWEST = 0.8  # the weight of the newest reading of the CPU, already a mean of the seconds before it


class Grade(IntEnum):
    """How much may run, from all to nothing."""

    FULL = 0
    EASED = 1
    URGENT_ONLY = 2
    NONE = 3

    @property
    def word(self) -> str:
        """As people and programs read it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where others need the machine; a critical value below its limit counts as the limit."""

    cpu_limit_percent: float = 80
    cpu_critical_percent: float = 95
    memory_limit_percent: float = 85
    memory_critical_percent: float = 95
    gpu_temp_limit_celsius: float = 75
    gpu_temp_critical_celsius: float = 85
    battery_limit_percent: float = 30  # what is left
    idle_cpu_percent: float = 15  # up to which nobody is at work
    user_idle_seconds: float = 300

    @classmethod
    def of(cls, config: Config) -> Thresholds:
        """As they are set."""
        return cls(**{each.name: getattr(config, each.name) for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may run, and why not more: sentences for people, none when all may."""

    grade: Grade = Grade.FULL
    reasons: tuple[str, ...] = ()

    def slots(self, of: int) -> int:
        """How many of so many slots may take any job."""
        match self.grade:
            case Grade.FULL:
                return of
            case Grade.EASED:
                return max(1, of // 2)
            case _:
                return 0

    def least(self, slot: int, of: int) -> int:
        """The lowest priority that one of so many slots may claim; the first of them has number 0."""
        if self.grade is Grade.NONE:
            return NOTHING
        return 0 if slot < self.slots(of) else URGENT

    def describe(self, of: int) -> dict[str, Any]:
        """For those who ask why a job waits: in how many of so many slots any may run. See ``in_words``."""
        reasons = list(self.reasons)
        return {"grade": self.grade.word, "slots": self.slots(of), "of": of, "reasons": reasons}


def in_words(described: Mapping[str, Any]) -> str:
    """What ``Allowance.describe`` says, in a sentence."""
    grade, why = described["grade"].replace("_", " "), "; ".join(described["reasons"])
    return f"{grade}, any job in {described['slots']} of {described['of']} slots" + (
        f": {why}" if why else ""
    )


class _Gauge:
    """One sensor: which of its thresholds are passed. Each leads to a grade, the larger to the worse."""

    def __init__(self, *thresholds: tuple[float, Grade]) -> None:
        self._thresholds = thresholds
        self._grade = Grade.FULL

    def judge(self, value: float) -> Grade:
        passed = [
            grade
            for threshold, grade in self._thresholds
            if value >= threshold or (grade <= self._grade and value > threshold - _MARGIN)
        ]
        self._grade = max(passed, default=Grade.FULL)
        return self._grade

    def forget(self) -> Grade:
        self._grade = Grade.FULL
        return self._grade


def _gauge(limit: float, critical: float) -> _Gauge:
    """Of what may stop everything: urgent work is held back from midway between its limits."""
    critical = max(limit, critical)
    return _Gauge((limit, Grade.EASED), ((limit + critical) / 2, Grade.URGENT_ONLY), (critical, Grade.NONE))


class Governor:
    """Judges one reading after the other."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._changed = -math.inf  # when judge() last changed the grade
        self.rest()

    def rest(self) -> None:
        """Forget what was measured: all may run until the next reading, which is judged like a first one.

        The next change still keeps its distance from the last one that a reading made.
        """
        at = self._thresholds
        # Urgent work is never stopped for the CPU: our processes stand back there by themselves.
        self._cpu = _Gauge(
            (at.cpu_limit_percent, Grade.EASED),
            (max(at.cpu_limit_percent, at.cpu_critical_percent), Grade.URGENT_ONLY),
        )
        self._memory = _gauge(at.memory_limit_percent, at.memory_critical_percent)
        self._gpu = _gauge(at.gpu_temp_limit_celsius, at.gpu_temp_critical_celsius)
        self._is_low = False  # the battery
        self._smooth_cpu: float | None = None
        self._idle_since: float | None = None
        self._allowance = Allowance()

    def judge(self, now: float, reading: Reading) -> Allowance:
        """What may run after this reading.

        Args:
            now: s, on any clock that only grows.
            reading: a few seconds after the last one.
        """
        judged = [
            self._judge_cpu(now, reading.cpu),
            self._judge_memory(reading.memory),
            self._judge_gpu(reading.temperature),
            self._judge_battery(reading.battery),
        ]
        grade = max(grade for grade, _ in judged)
        if grade != self._allowance.grade and now - self._changed < _BETWEEN_CHANGES:
            grade = self._allowance.grade
        elif grade != self._allowance.grade:
            self._changed = now
        reasons = tuple(reason for each, reason in judged if each) or self._allowance.reasons
        self._allowance = Allowance(grade, reasons if grade else ())
        return self._allowance

    def _judge_cpu(self, now: float, cpu: float | None) -> tuple[Grade, str]:
        if cpu is None:
            return self._cpu.forget(), ""
        limit = self._thresholds.cpu_limit_percent
        before = cpu if self._smooth_cpu is None else self._smooth_cpu
        smooth = self._smooth_cpu = _NEWEST * cpu + (1 - _NEWEST) * before
        if cpu > self._thresholds.idle_cpu_percent:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        if self._idle_since is not None and now - self._idle_since >= self._thresholds.user_idle_seconds:
            return self._cpu.forget(), ""
        return self._cpu.judge(smooth), f"CPU {_against(smooth, limit, '%', ' used by others')}"

    def _judge_memory(self, memory: float) -> tuple[Grade, str]:
        reason = f"memory {_against(memory, self._thresholds.memory_limit_percent, '%', ' used by others')}"
        return self._memory.judge(memory), reason

    def _judge_gpu(self, temperature: float | None) -> tuple[Grade, str]:
        if temperature is None:
            return self._gpu.forget(), ""
        reason = f"GPU {_against(temperature, self._thresholds.gpu_temp_limit_celsius, 'C')}"
        return self._gpu.judge(temperature), reason

    def _judge_battery(self, battery: float | None) -> tuple[Grade, str]:
        limit = self._thresholds.battery_limit_percent
        again = limit + (_MARGIN if self._is_low else 0.0)
        self._is_low = battery is not None and battery < again
        if not self._is_low:
            return Grade.FULL, ""
        return Grade.URGENT_ONLY, f"on battery, {battery:.0f} % left, limit {limit:.0f} %"


def _against(value: float, limit: float, unit: str, of_whom: str = "") -> str:
    again = f", released at {limit - _MARGIN:.0f} {unit}" if value < limit else ""
    return f"{value:.0f} {unit}{of_whom}, limit {limit:.0f} {unit}{again}"
