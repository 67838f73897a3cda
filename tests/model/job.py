"""What the model knows of one job, and the fixed world it lives in. Times are whole seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from junmai_jobs.keys import FINISHED_HOMES

EPOCH = 1_795_000_003_000
"""Milliseconds; the time 0."""
LANES = ("a", "a+gpu=1", "a+vram_mb=3000", "b", "b+gpu=0.5,ram_mb=3000")
WAITING = ("ready", "scheduled", "retrying", "blocked")
HOST: dict[str, Any] = {"pool": "host", "ram_mb": 4000}
OFFERS = {
    "w": [HOST, {"pool": "card", "gpu": 1, "vram_mb": 8000}],
    "v": [HOST, {"pool": "small", "gpu": 1, "vram_mb": 2000}],
}
"""What each worker offers."""


class Limit(NamedTuple):
    """At most ``most`` run at once or, with a span, start in any so many seconds."""

    key: str
    most: int
    span: int = 0

    @property
    def spec(self) -> str:
        return f"{self.key},{self.most}" + (f",{self.span * 1000}" if self.span else "")


LIMITS = {limit.key: limit for limit in (Limit("x", 1), Limit("y", 2), Limit("z:rate", 2, 25))}


class Unique(NamedTuple):
    key: str
    scope: str
    period: int
    keep: str

    @property
    def spec(self) -> str:
        return f"{self.key},{self.scope},{self.period * 1000},{self.keep}"


class Edge(NamedTuple):
    """One parent of a job: ``policy`` with a + if it reads that one's result."""

    parent: str
    child: str
    policy: str


@dataclass(frozen=True)
class Content:
    """What of a job another with the same unique key can take the place of."""

    number: int
    """Its argument."""
    expires: int | None = None
    unique: Unique | None = None
    limits: tuple[str, ...] = ()
    """First one on runs, then one on starts."""

    @property
    def extras(self) -> dict[str, str]:
        unique = {"u": self.unique.spec} if self.unique else {}
        limits = [LIMITS[key] for key in self.limits]
        return unique | {"r" if limit.span else "c": limit.spec for limit in limits}


@dataclass
class Job:
    id: str
    queue: str
    """The lane."""
    priority: int
    content: Content
    after: tuple[tuple[str, str], ...] = ()
    """Policy and parent of each edge it was submitted with."""
    way: list[str] = field(default_factory=lambda: ["", "ready"])
    """Its homes, one after another, from the last of which was told."""
    expires_at: int | None = None
    place: int = 0
    """Its number in line while it is ready."""
    kept_place: int = 0
    """The number it was last claimed or parked with."""
    due: int = 0
    lease: int = 0
    finished: int = 0
    token: str = ""
    failures: int = 0
    crashes: int = 0
    claimer: str = ""
    request: str = ""
    holds: str = ""
    note: str = ""
    reads: set[str] = field(default_factory=set)
    """The parents whose results it will read."""
    saved: bool = False
    """Whether a run has left a checkpoint."""
    result: bool = False
    forgotten_at: int | None = None
    """When its result is."""
    events: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """Its home."""
        return self.way[-1]

    @word.setter
    def word(self, word: str) -> None:
        self.way.append(word)

    @property
    def has_state(self) -> bool:
        return bool(self.kept_place or self.request) or self.word in {"blocked", *FINISHED_HOMES}

    @property
    def is_over(self) -> bool:
        return self.word in FINISHED_HOMES

    @property
    def score(self) -> tuple[int, int]:
        """By which it stands in line."""
        return -self.priority, self.place

    @property
    def kept_score(self) -> tuple[int, int]:
        return -self.priority, self.kept_place

    @property
    def waits_for(self) -> str:
        """The limit in which there was no room for it."""
        return self.holds if self.word == "blocked" else ""

    @property
    def limits_held(self) -> list[str]:
        return [held for held in self.holds.split(";") if held in LIMITS] if self.word == "running" else []

    @property
    def pools_held(self) -> dict[str, dict[str, float]]:
        """How much of each pool it has while it runs."""
        held = [part.split(",") for part in self.holds.split(";") if part.startswith("@")]
        return {
            pool.removeprefix("@"): {
                name: float(amount) for name, amount in (each.split("=") for each in amounts)
            }
            for pool, *amounts in (held if self.word == "running" else [])
        }
