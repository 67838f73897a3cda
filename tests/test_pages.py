"""The pages of docs/ keep their word: what stands in a console block is typed, whatever is named is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from junmai_jobs.cli import junmai_jobs
from tests.command_line import home_with_server
from tests.desk import Desk, a_desk, blocks
from tests.embedded_servers import ROOT
from tests.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = {
    page.relative_to(ROOT).as_posix(): page.read_text("utf-8")
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
}
TYPED = {name: blocks(text, "console") for name, text in TEXTS.items() if name != "README.md"}
"""The README has tests of its own."""
OF_US = re.compile(r"(?:`|^|\$ )(junmai-jobs [a-z][^`\n]*)", re.MULTILINE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with home_with_server(tmp_path / "home") as home:
        desk = a_desk(home, tmp_path)
        (
            desk.shoot / "garden" / "IMG_0077.JPG"
        ).unlink()  # it is cut off: what fails is the README's business
        yield desk


@pytest.mark.parametrize("page", [name for name, found in TYPED.items() if found])
def test_what_a_page_has_typed_does_what_it_says(page: str, desk: Desk) -> None:
    reader = Reader(desk, TEXTS[page])
    with reader.left:
        for block in TYPED[page]:
            reader.read(block)


def named() -> list[str]:
    """Each command of ours that a page names, in its text, tables and blocks."""
    return sorted({line.strip() for text in TEXTS.values() for line in OF_US.findall(text)})


def test_a_command_that_is_named_is_there_with_its_options() -> None:
    for line in named():
        _look_up(line)


def _look_up(line: str) -> None:
    words = shlex.split(re.sub(r"[\[\]|']", " ", line), comments=True)[1:]
    command: Any = junmai_jobs
    known: set[str] = set()
    for word in words:
        known |= {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        if word.startswith("--"):
            assert word.partition("=")[0] in known | {"--help", "--version"}, line
        elif isinstance(command, click.Group):
            assert word in command.commands, line
            command = command.commands[word]


def test_a_link_of_the_readme_leads_somewhere() -> None:
    """Those of the pages are looked after by ``make docs``."""
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", TEXTS["README.md"]):
        name, _, heading = link.partition("#")
        assert (ROOT / name).exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", TEXTS[name], re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, (
                link
            )


def test_every_decision_is_listed_under_its_title() -> None:
    listed = re.findall(r"^- \[(.*)\]\((.*)\)$", TEXTS["docs/adr/index.md"], re.MULTILINE)
    pages = {Path(name).name: text for name, text in TEXTS.items() if re.match(r"docs/adr/\d", name)}
    assert [(f"# {title}", name) for title, name in listed] == [
        (text.partition("\n")[0], name) for name, text in sorted(pages.items())
    ]
