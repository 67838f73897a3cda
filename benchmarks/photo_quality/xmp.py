"""Develop settings in sidecars and in files: read back by exiftool, and all that is not ours as it was.

python -m benchmarks.photo_quality.xmp [--json FILE] [--sidecars N] [--random N]

Exiftool and rdflib are readers that know nothing of ours. Nothing here is timed.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from rdflib import BNode, Graph, URIRef
from rdflib.compare import isomorphic
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import Line, none_of
from benchmarks.photo_quality.foreign_xmp import RDF, sidecars
from benchmarks.photo_quality.xmp_files import (
    MARKS,
    Figures,
    exiftool,
    is_same,
    photographs,
    untouched,
    written_into,
)
from junmai_jobs.photo.develop.presets import Preset, blended, load_presets
from junmai_jobs.photo.develop.settings import CONTROLLER_NAMES, CURVE, PARAMETERS, Settings, checked_settings
from junmai_jobs.photo.xmp.sidecar import restore_sidecar, write_sidecar

BLENDS = (0, 37, 100)
SEED = 8
_CRS, _XMP = "http://ns.adobe.com/camera-raw-settings/1.0/", "http://ns.adobe.com/xap/1.0/"
_OURS = "urn:junmai-jobs:sidecar:1.0/"
_BESIDE = {"Version", "ProcessVersion", "HasSettings", "RawFileName"}  # what stands there and is no setting
_LOSSES = ("settings read otherwise", "pixels changed", "other metadata changed", "no backup", "not undone")

# ---- what is written is read back ----------------------------------------------------------------


def read_back(written: dict[str, Settings], folder: Path) -> Figures:
    """Write each of these settings as a sidecar, and compare every setting with what exiftool reads."""
    folder.mkdir()
    for name, settings in written.items():
        (folder / f"{name}.nef").touch()
        write_sidecar(folder / f"{name}.nef", settings, preset=name, marks=MARKS)
    found = {
        Path(tags["SourceFile"]).stem: tags
        for tags in exiftool("-n", "-G1", "-XMP:all", "-ext", "xmp", folder)
    }
    wrong = []
    values = 0
    for name, settings in written.items():
        tags = {key[8:]: value for key, value in found[name].items() if key.startswith("XMP-crs:")}
        tags["Temperature"] = tags.pop("ColorTemperature", None)
        read = {key: value for key, value in tags.items() if key not in _BESIDE and value is not None}
        values += len(settings)
        wrong += [
            f"{name}: {key} {settings.get(key)} read as {read.get(key)}"
            for key in settings.keys() | read.keys()
            if not is_same(settings.get(key), read.get(key))
        ]
        marks = {key: str(found[name].get(f"XMP-xmp:{key}")) for key in MARKS}
        wrong += [] if marks == MARKS else [f"{name}: marks read as {marks}"]
    return {"sidecars": len(written), "values": values, "wrong": wrong}


def shipped() -> dict[str, Settings]:
    """Every shipped preset at each of the blends."""
    presets = load_presets().values()
    return {f"{each.name}-{blend}": blended(each, blend) for each in presets for blend in BLENDS}


def at_random(count: int) -> dict[str, Settings]:
    """Every number there is at a random value, half of them by the names of a plugin."""
    chance = random.Random(SEED)
    made: dict[str, Settings] = {}
    for number in range(count):
        values: dict[str, Any] = {
            name: chance.uniform(each.low, each.high) for name, each in PARAMETERS.items()
        }
        values[CURVE] = [
            [0, chance.randrange(99)],
            [chance.randrange(9, 200), 128],
            [255, chance.randrange(256)],
        ]
        if number % 2:
            values = {short: values.pop(name) for short, name in CONTROLLER_NAMES.items()} | values
        preset = Preset("random", checked_settings(values))
        made[f"random-{number}"] = blended(preset, chance.randrange(1, 101))
    return made


# ---- what others wrote stays ---------------------------------------------------------------------


def foreign(count: int, folder: Path) -> Figures:
    """Add settings to sidecars of other programs, and compare what those had by their meaning, as RDF."""
    folder.mkdir()
    figures: Figures = {"sidecars": count, "triples": 0, "changed": [], "not undone": []}
    for name, text in sidecars(SEED, count):
        photo = folder / f"{figures['triples']}-{len(text)}.nef"
        photo.touch()
        sidecar, before = photo.with_suffix(".xmp"), text.encode()
        sidecar.write_bytes(before)
        outcome = write_sidecar(photo, {"Exposure2012": 0.35, "Vibrance": 8}, preset="p", marks=MARKS)
        old, new = meaning(before), meaning(sidecar.read_bytes())
        figures["triples"] += len(old[0])
        if outcome != "written" or not isomorphic(old[0], new[0]) or old[1] != new[1]:
            figures["changed"].append(name)
        if restore_sidecar(photo) != "restored" or sidecar.read_bytes() != before:
            figures["not undone"].append(name)
    return figures


def meaning(data: bytes) -> tuple[Graph, list[str]]:
    """Return the RDF of a sidecar without what is ours, and its comments and instructions."""
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    root = ET.fromstring(data.decode("utf-8-sig"), ET.XMLParser(target=builder))  # noqa: S314 - made here
    notes = [str(each.text) for each in root.iter() if callable(each.tag)]
    (rdf,) = [each for each in root.iter() if each.tag == f"{{{RDF}}}RDF"]
    for each in list(rdf):
        if isinstance(each.tag, str):  # rdflib reads no comments there
            _drop_notes(each)
    graph = Graph().parse(data=ET.tostring(rdf), format="xml", publicID="urn:picture")
    for triple in [triple for triple in graph if _is_ours(graph, triple[0], str(triple[1]))]:
        _remove(graph, triple)
    return graph, notes


def _drop_notes(element: ET.Element) -> None:
    for each in list(element):
        if callable(each.tag):
            element.remove(each)
        else:
            _drop_notes(each)


def _is_ours(graph: Graph, subject: Any, predicate: str) -> bool:
    """Whether it is a setting, a note of ours, or a mark that we note as ours."""
    if predicate.startswith((_CRS, _OURS)):
        return predicate not in {f"{_CRS}RawFileName", f"{_CRS}Version"}
    name = predicate.removeprefix(_XMP)
    marked = graph.value(subject, URIRef(_OURS + name)) if predicate.startswith(_XMP) else None
    return marked is not None and marked == graph.value(subject, URIRef(predicate))


def _remove(graph: Graph, triple: Any) -> None:
    graph.remove(triple)
    if isinstance(triple[2], BNode):
        for below in list(graph.triples((triple[2], None, None))):
            _remove(graph, below)


# ---- the table -----------------------------------------------------------------------------------


def measured(sidecar_count: int, random_count: int, files: Sequence[Path]) -> Figures:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(name)
        return {
            "presets": read_back(shipped(), folder / "presets"),
            "random": read_back(at_random(random_count), folder / "random"),
            "foreign": foreign(sidecar_count, folder / "foreign"),
            "without the flag": untouched(files, folder / "untouched"),
            "with the flag": written_into(files, folder / "written"),
        }


def lines(found: Figures) -> list[Line]:
    """What must never happen, and how often it did."""
    flagged = found["with the flag"]
    return [
        none_of(
            "values that exiftool reads otherwise", len(found["presets"]["wrong"] + found["random"]["wrong"])
        ),
        none_of("sidecars of others changed in meaning", len(found["foreign"]["changed"])),
        none_of("sidecars of others not undone to the byte", len(found["foreign"]["not undone"])),
        none_of("originals changed without the flag", len(found["without the flag"]["changed"])),
        *(none_of(f"files with the flag: {name}", len(flagged[name])) for name in _LOSSES),
        none_of("files not written and yet changed", len(flagged["changed though not written"])),
    ]


def show(found: Figures, console: Console) -> None:
    """Print the figures as tables."""
    table = Table("what", "how many", "wrong", title="XMP")
    for name in ("presets", "random"):
        row = found[name]
        table.add_row(
            f"{name}: values in {row['sidecars']} sidecars", f"{row['values']:,}", str(len(row["wrong"]))
        )
    row = found["foreign"]
    table.add_row(
        f"triples in {row['sidecars']} sidecars of others", f"{row['triples']:,}", str(len(row["changed"]))
    )
    table.add_row("undone to the byte", str(row["sidecars"]), str(len(row["not undone"])))
    row = found["without the flag"]
    table.add_row("files without the flag", str(row["files"]), str(len(row["changed"])))
    row = found["with the flag"]
    for name in _LOSSES:
        table.add_row(f"files with the flag: {name}", str(row["written"]), str(len(row[name])))
    console.print(table)
    console.print(f"{row['files']} JPEGs and TIFFs, {row['opened']} can be read; not written:", markup=False)
    for name, said in row["not written"].items():
        console.print(f"  {name}: {re.sub('^[A-Za-z]+: ', '', said)}", markup=False)
    for name in ("presets", "random"):
        for wrong in found[name]["wrong"][:20]:
            console.print(f"  {wrong}", markup=False)


def main() -> int:
    """Measure, and show it; 1 where a bound is not met."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--sidecars", type=at_least(1), default=400, metavar="N")
    parser.add_argument("--random", type=at_least(1), default=100, metavar="N")
    chosen = parser.parse_args()
    found = measured(chosen.sidecars, chosen.random, photographs())
    show(found, Console())
    return evaluation.concluded(lines(found), found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
