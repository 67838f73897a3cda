"""What every evaluation has in common: its options, the table of its bounds, its JSON and its exit status.

An evaluation measures, prints tables of its own, and gives ``concluded`` a line for each thing that it must
show. One whose bounds are not all met ends with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import output, run_main


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A figure, and the least or the most that it may be; without either it is only told."""

    name: str
    figure: float
    least: float | None = None
    most: float | None = None
    form: str = ".3f"
    """How figure and bound are printed, as ``format`` takes it."""

    @property
    def met(self) -> bool:
        """Whether it keeps its bound; NaN keeps none."""
        return (self.least is None or self.figure >= self.least) and (
            self.most is None or self.figure <= self.most
        )

    @property
    def bound(self) -> str:
        """The bound in words of mathematics, as ``>= 0.950``; empty without one."""
        bounds = ((">=", self.least), ("<=", self.most))
        return ", ".join(f"{sign} {bound:{self.form}}" for sign, bound in bounds if bound is not None)

    @property
    def verdict(self) -> str:
        """Whether it keeps its bound, in words; empty without one."""
        return ("met" if self.met else "NOT met") if self.bound else ""


def none_of(name: str, found: int) -> Line:
    """A line on what must never happen, and how often it did."""
    return Line(name=name, figure=found, most=0, form="d")


def options(about: str | None) -> argparse.ArgumentParser:
    """A parser with what every evaluation takes; ``about`` is the evaluation's docstring."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--json", type=output, metavar="FILE", help="write the figures there too")
    return parser


def concluded(
    lines: Sequence[Line], figures: Mapping[str, Any], file: Path | None, console: Console | None = None
) -> int:
    """Print the lines, write them and all ``figures`` into the file, if any, and return the exit status."""
    table = Table("what must be", "found", "bound", "")
    for line in lines:
        table.add_row(line.name, f"{line.figure:{line.form}}", line.bound, line.verdict)
    (console or Console()).print(table)
    if file is not None:
        found = [
            {"name": line.name, "figure": line.figure, "bound": line.bound, "met": line.met} for line in lines
        ]
        file.write_text(json.dumps({"lines": found, **figures}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if all(line.met for line in lines) else 1


def run(evaluate: Callable[[], int]) -> None:
    """Run an evaluation as a command, see ``run_main``; its result is the exit status."""
    run_main(lambda: sys.exit(evaluate()))
