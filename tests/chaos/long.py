"""Rounds of chaos until so many jobs have run, however often it is stopped in between; then a report.

    python -m tests.chaos.long [--jobs 200000] [--folder build/chaos] [--report docs/chaos.md]

The folder keeps the rounds that are done, and the data of those that found something. Started again, after
Ctrl-C or kill -9, it goes on with the round it was in. Prints the sum as JSON, and exits 1 if a round was not
as it should be, 130 if it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos import chaos
from tests.chaos.fleet import end_all_in
from tests.chaos.report import written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Round = dict[str, Any]

ROUND = 10_000
"""Jobs in one round, which has a server and workers of its own."""


@dataclass(frozen=True)
class March:
    """So many jobs, round by round; a round's number is its seed."""

    folder: Path
    jobs: int
    size: int = ROUND
    fight: Callable[[Path, int, int], Round] = chaos.run

    @property
    def record(self) -> Path:
        return self.folder / "rounds.json"

    def done(self) -> list[Round]:
        """What the record tells of the rounds of this march."""
        told = json.loads(self.record.read_text()) if self.record.exists() else []
        wanted = [(number, size) for number, size in enumerate(self._sizes(), 1)]
        return [each for each in told if (each["seed"], each["jobs"]) in wanted]

    def _sizes(self) -> list[int]:
        return [min(self.size, self.jobs - before) for before in range(0, self.jobs, self.size)]

    def go_on(self) -> list[Round]:
        """Fight the rounds that are missing; all of them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        end_all_in(self.folder)
        for number, size in enumerate(self._sizes(), 1):
            if number not in {each["seed"] for each in self.done()}:
                self._fight(number, size)
        return self.done()

    def _fight(self, number: int, size: int) -> None:
        field = self.folder / f"round-{number}"
        shutil.rmtree(field, ignore_errors=True)
        field.mkdir()
        found = self.fight(field, size, number)
        self._keep(sorted([*self.done(), found], key=lambda each: int(each["seed"])))
        print(f"round {number}: {json.dumps(found)}", file=sys.stderr, flush=True)
        if found["ok"]:
            shutil.rmtree(field)

    def _keep(self, rounds: list[Round]) -> None:
        new = self.record.with_suffix(".new")
        with new.open("w") as file:
            json.dump(rounds, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.record)


def total(rounds: Sequence[Round]) -> Round:
    """The sum of all that can be added up."""
    figures, runs = Counter[str](), Counter[str]()
    for each in rounds:
        runs.update(each["runs"])
        figures.update(
            {
                name: value
                for name, value in each.items()
                if isinstance(value, int | float) and not isinstance(value, bool) and name != "seed"
            }
        )
    return {
        "rounds": len(rounds),
        **{name: round(value, 1) for name, value in figures.items()},
        "runs": dict(runs),
        "fell": [code for each in rounds for code in each["fell"]],
        "findings": [f"round {each['seed']}: {what}" for each in rounds for what in each["findings"]],
        "ok": all(each["ok"] for each in rounds),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--round", type=int, default=ROUND, metavar="N", help=f"jobs in one ({ROUND})")
    parser.add_argument("--folder", type=Path, default=Path("build/chaos"))
    parser.add_argument("--report", type=Path, help="a markdown file to write")
    options = parser.parse_args(arguments)
    try:
        rounds = March(options.folder.resolve(), options.jobs, options.round).go_on()
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    found = total(rounds)
    print(json.dumps(found, indent=2))
    if options.report:
        options.report.write_text(written(rounds, found))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
