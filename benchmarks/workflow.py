"""What a wide workflow costs the server: ms of script time a call, while it does nothing else.

python -m benchmarks.workflow [--children 5000]
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.command import at_least, run_main
from benchmarks.stage import Stage, stage
from benchmarks.tasks import noop
from junmai_jobs import chord, edge, group, task
from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink
from junmai_jobs.endings import Ending, fail, succeed


@task
def gather(parts: list[None]) -> None:
    """What a chord ends with; it is not run."""


SHAPES = (
    "one parent, children that cancel",
    "the same, the parent fails",
    "a chord's members",
    "three callbacks",
)


class Meter:
    """Verb time by verb, one figure a call."""

    def __init__(self, at: Stage) -> None:
        self.spent: defaultdict[str, list[float]] = defaultdict(list)
        self._client = at.client
        self.broker = Broker(ClientLink(at.server), at.jobs.namespace)
        call = self.broker._call  # noqa: SLF001

        def metered(verb: str, *rest: object, **named: object) -> list[object]:
            with self._measure(verb):
                return call(verb, *rest, **named)

        self.broker._call = metered  # type: ignore[method-assign]  # noqa: SLF001

    @contextmanager
    def _measure(self, verb: str) -> Iterator[None]:
        self._client.config_resetstat()
        yield
        stats = self._client.info("commandstats")
        self.spent[verb].append(
            sum(stats.get(f"cmdstat_{name}", {}).get("usec", 0) for name in ("fcall", "evalsha", "eval"))
            / 1000
        )

    def show(self, shape: str) -> None:
        """Print a row for each verb."""
        for verb, calls in self.spent.items():
            print(
                f"{shape:34s} {verb:8s} {len(calls):6,} calls  median {statistics.median(calls):6.3f} ms  "
                f"longest {max(calls):6.3f} ms",
                flush=True,
            )


def end_all(meter: Meter, count: int, how: Ending) -> None:
    """Run so many jobs that wait, by nobody, and tell their children."""
    for number in range(count):
        job = meter.broker.claim("w/1", f"1.{number}", ("default",))
        assert job is not None
        meter.broker.end(job, how)
        meter.broker.resolve()


def measure(at: Stage, shape: str, children: int) -> None:
    """One shape of a workflow."""
    at.clear()
    meter = Meter(at)
    at.jobs._broker = meter.broker  # noqa: SLF001
    if shape.startswith(("one", "the same")):
        parent = noop.plan(0, "")
        many = (
            noop.with_options(after=edge(parent, "cancel")).plan(number, "") for number in range(children)
        )
        at.jobs.submit_workflow(group(*many))
        end_all(
            meter,
            1,
            fail({"type": "E", "message": "", "traceback": ""}) if "fails" in shape else succeed(b""),
        )
    else:
        many = (noop.plan(number, "") for number in range(children))
        if shape.startswith("a chord"):
            at.jobs.submit_workflow(chord(group(*many), gather))
        else:
            last = [noop.with_options(queue="after").plan(0, "") for _ in range(3)]
            at.jobs.submit_workflow(group(*many), on_success=last[0], on_failure=last[1], on_complete=last[2])
        end_all(meter, children, succeed(b""))
    meter.show(shape)


def main() -> None:
    """Print a row for each shape and verb."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=at_least(1), default=5000)
    children = parser.parse_args().children
    with stage() as at:
        for shape in SHAPES:
            measure(at, shape, children)


if __name__ == "__main__":
    run_main(main)
