"""The long run as a page: what was done to the jobs, and what became of them."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from tests.chaos.chaos import JOBS, WORKERS
from tests.chaos.faults import DOWN, LINE, REDIS, STALL, WORKER
from tests.chaos.fleet import FREEZE, LEASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FAULTS = {
    "child_kills": ("a process that runs jobs is killed with `kill -9`", WORKER["child_kills"]),
    "worker_kills": ("a whole worker is killed with `kill -9`", WORKER["worker_kills"]),
    "worker_freezes": (
        f"a worker stands still for {FREEZE:g} s, longer than its lease of {LEASE:g} s",
        WORKER["worker_freezes"],
    ),
    "redis_kills": (
        f"the server is killed with `kill -9`, and stays away for up to {DOWN:g} s",
        REDIS["redis_kills"],
    ),
    "redis_stalls": (f"the server stalls for {STALL:g} s", REDIS["redis_stalls"]),
    "lost_replies": ("it stalls, and then every connection is cut: done, but unheard", REDIS["lost_replies"]),
    "line_faults": (
        "one worker's line changes: slow, silent, reset, byte by byte, or sound but for one lost reply",
        LINE["line_faults"],
    ),
}
OUTCOMES = {
    "acknowledged": "jobs that were acknowledged",
    "succeeded": "succeeded",
    "failed": "failed, of which most were to fail",
    "cancelled": "cancelled",
    "waiting": "still waiting",
    "crashed": "failed because three runs were lost; counted among the failed",
    "accepted_unheard": "accepted by a call whose reply was lost, then submitted again",
    "ended_late": "runs whose end was refused, since the job was another's by then",
    "lost": "**lost**",
    "doubled": "**ended twice, or with two live tokens**",
    "wrong": "**told wrongly**",
}
_COLUMNS = ("Round, seed", "Jobs", "Lost", "Doubled", "Wrong", "Kills", "Server kills", "Seconds", "")


def written(rounds: Sequence[dict[str, Any]], total: dict[str, Any]) -> str:
    """The page, in Markdown."""
    jobs, seconds = total["acknowledged"], total["under_fire_s"]
    servers = ", ".join(sorted({each["server"] for each in rounds}))
    verdict = "none was lost, none ended twice" if total["ok"] else "**something was found**"
    every = 1000 * seconds / max(1, total["child_kills"] + total["worker_kills"])
    machine = f"{os.cpu_count()} cores, with Python {platform.python_version()}"
    return f"""# Under fire

{jobs:,} jobs ran while workers, their processes, the server and a line were killed, frozen and cut:
{verdict}.

`make chaos-long JOBS={jobs}` has written this page; it may be stopped at any time, and goes on when it is
called again. `make chaos` is one round of {JOBS:,} jobs; CI runs half of one.

These were {len(rounds)} rounds, each with {WORKERS} workers and a server of its own (version {servers}),
which has every write on the disk before it acknowledges it; on {machine}.

## What was done to them

A process of a worker was killed every {every:.0f} ms, on the average of {seconds:,.0f} s under fire.
Faults wait where a machine is too slow to start again what they kill.
Workers that ended though nobody had killed them: {", ".join(map(str, total["fell"])) or "none"}.

{_table(("Fault", "Meant to come every", "Times"), _faults(total))}

## What became of them

{_table(("Jobs", ""), [(total[name], text) for name, text in OUTCOMES.items()])}

The audit compares what the producer heard and what each run wrote into a journal with what the store says:
acknowledged = succeeded + failed + cancelled + waiting, each job in one home; one live token at a time;
tokens that grow; exactly one accepted completion. Runs that did not succeed: {_runs(total["runs"])}.
{"".join(f"{chr(10)}- {finding}" for finding in total["findings"])}
## The rounds

{_table(_COLUMNS, map(_round, rounds))}
"""


def _faults(total: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    return [(text, f"{every:g} s", total[name]) for name, (text, every) in FAULTS.items()]


def _runs(runs: dict[str, int]) -> str:
    return ", ".join(f"{times:,} {event}" for event, times in sorted(runs.items())) or "none"


def _round(found: dict[str, Any]) -> tuple[object, ...]:
    kills = found["child_kills"] + found["worker_kills"]
    figures = (found[name] for name in ("seed", "jobs", "lost", "doubled", "wrong"))
    return (*figures, kills, found["redis_kills"], found["seconds"], "ok" if found["ok"] else "**not ok**")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_shown, line))} |" for line in lines)


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
