"""One adapter in a process of its own, run by the python of its peer's environment.

    python -m benchmarks.peers.run ADAPTER[:VARIANT] VERB [ARGUMENT ...]

    submit FIRST COUNT     seconds that one call a job took, all after the first
    many FIRST COUNT       seconds that one call for all after the first took
    fill FIRST COUNT       jobs of all levels, in whichever way is faster
    pace FIRST COUNT       when each of jobs 10 ms apart was submitted, in monotonic nanoseconds
    versions PACKAGE ...   what is installed
    work                   a worker, until it is terminated

What was found is the last line of stdout, as JSON.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.peers import LEVELS, NORMAL, SPACING, VARIANT_VARIABLE
from benchmarks.record import path_of


def in_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end: on uvloop, where the environment has that."""
    try:
        import uvloop  # noqa: PLC0415 - not everywhere
    except ImportError:
        return asyncio.run(coroutine)
    return uvloop.run(coroutine)


async def submit(peer: Any, numbers: Sequence[int]) -> float:
    """One call a job; the first makes what is made once."""
    await peer.submit(numbers[0], path_of(numbers[0]), NORMAL)
    began = time.perf_counter()
    for number in numbers[1:]:
        await peer.submit(number, path_of(number), NORMAL)
    return time.perf_counter() - began


async def many(peer: Any, numbers: Sequence[int]) -> float:
    """One call for all, whose rows are there before; the first job makes what is made once."""
    await peer.submit(numbers[0], path_of(numbers[0]), NORMAL)
    rows = [(number, path_of(number)) for number in numbers[1:]]
    began = time.perf_counter()
    await peer.submit_many(rows, NORMAL)
    return time.perf_counter() - began


async def fill(peer: Any, numbers: Sequence[int]) -> None:
    """The levels by turns; in bulk the least urgent first."""
    if hasattr(peer, "submit_many"):
        for level in range(LEVELS):
            rows = [(number, path_of(number)) for number in numbers if number % LEVELS == level]
            await peer.submit_many(rows, level)
    else:
        for number in numbers:
            await peer.submit(number, path_of(number), number % LEVELS)


async def pace(peer: Any, numbers: Sequence[int]) -> list[int]:
    """Monotonic nanoseconds from before each call."""
    submitted = []
    for number in numbers:
        submitted.append(time.monotonic_ns())
        await peer.submit(number, path_of(number), NORMAL)
        await asyncio.sleep(SPACING)
    return submitted


VERBS = {"submit": submit, "many": many, "fill": fill, "pace": pace}


async def produce(peer: Any, verb: str, first: int, count: int) -> Any:
    """What the verb finds, on a connection that is there."""
    await peer.connect()
    return await VERBS[verb](peer, range(first, first + count))


def installed(packages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Those that there are, with their versions."""
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            yield name, version(name)


def main(adapter: str, verb: str, *arguments: str) -> None:
    if verb == "versions":
        print(json.dumps(dict(installed(arguments))))
        return
    name, _, os.environ[VARIANT_VARIABLE] = adapter.partition(":")
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    if verb == "work":
        if (work := peer.work()) is not None:
            in_loop(work)
        return
    found = in_loop(produce(peer, verb, *map(int, arguments)))
    print(json.dumps(found), flush=True)
    os._exit(0)  # what was measured is over: no library's threads are waited for


if __name__ == "__main__":
    main(*sys.argv[1:])
