"""Pictures of what was measured, by matplotlib: ``pip install 'junmai-jobs[bench]'``."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LINE, _OURS = "#333333", "#1f6f6b"
_COLOURS = {
    "keeps its jobs over a crash, and strict priority": _OURS,
    "gives up one of the two, or both": "#c9c3b8",
    "no queue: what the machine can do": "#f0ede8",
}
_KEPT, _LOST, _PROBE = _COLOURS


def drains(found: Mapping[str, Any], path: Path) -> None:
    """How many jobs a second each runs, medians and ranges; ``found`` is what ``compare`` found."""
    rates = {
        name: row["drain"]
        for name, row in found["figures"].items()
        if "drain" in row and (name in found["peers"] or name.startswith(("floor", "ceiling")))
    }
    names = sorted(rates, key=lambda name: statistics.median(rates[name]))
    figure, axes = pyplot().subplots(figsize=(10, 0.42 * len(names) + 1.6), layout="constrained")
    for at, name in enumerate(names):
        label = _label(found["peers"].get(name))
        median = statistics.median(rates[name])
        axes.barh(at, median, color=_COLOURS[label], edgecolor=_LINE, linewidth=0.5, label=label)
        axes.errorbar(median, at, xerr=_ranges([rates[name]]), color=_LINE, capsize=3, linewidth=1)
        axes.annotate(
            f"{median:,.0f}", (max(rates[name]), at), (6, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f"Jobs drained a second by two processes, {_rounds(found)}", loc="left")
    labelled = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    shown = [label for label in _COLOURS if label in labelled]
    axes.legend([labelled[label] for label in shown], shown, loc="lower right", frameon=False)
    axes.margins(x=0.12)
    _save(figure, [axes], path)


def scales(found: Mapping[str, Any], path: Path) -> None:
    """How the rate goes with what waits behind and with the slots; ``found`` is what ``scale`` found."""
    figure, both = pyplot().subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for axes, what, label in zip(
        both, ("backlog", "slots"), ("jobs that wait behind", "worker slots"), strict=True
    ):
        rates = {int(each): values for each, values in found[what].items()}  # text, when they were JSON
        medians = [statistics.median(each) for each in rates.values()]
        axes.errorbar(
            list(rates), medians, yerr=_ranges(list(rates.values())), color=_OURS, marker="o", capsize=3
        )
        axes.set_xscale("log", base=10 if what == "backlog" else 2)
        axes.set_xticks(list(rates), [f"{each:,}" for each in rates])
        axes.set_xlabel(label)
        axes.set_ylim(bottom=0)
    both[0].set_title(f"Jobs drained a second, {_rounds(found)}", loc="left")
    _save(figure, both, path)


def _label(peer: Mapping[str, Any] | None) -> str:
    """What is said of its bar; who is no peer is a probe."""
    if peer is None:
        return _PROBE
    return _KEPT if peer["keeps"] and peer["strict"] else _LOST


def _ranges(rates: Sequence[Sequence[float]]) -> list[list[float]]:
    """Of each row from the median to its ends: all the ways down, then all up."""
    medians = [statistics.median(each) for each in rates]
    return [
        [median - min(each) for median, each in zip(medians, rates, strict=True)],
        [max(each) - median for median, each in zip(medians, rates, strict=True)],
    ]


def _rounds(found: Mapping[str, Any]) -> str:
    return f"{found['jobs']:,} jobs a round: median and range of {found['rounds']}"


def _save(figure: Any, panels: Sequence[Any], path: Path) -> None:
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def pyplot() -> Any:
    """matplotlib's, without a window; what measures for long asks for it before it begins.

    Raises:
        SystemExit: it is not installed.
    """
    try:
        importlib.import_module("matplotlib").use("Agg")
    except ImportError as error:
        raise SystemExit("--plot needs matplotlib: pip install 'junmai-jobs[bench]'") from error
    return importlib.import_module("matplotlib.pyplot")
