"""What the site has from outside of docs/: two pages, and whatever file of the project a page links to.

So a link is written once, as it leads from one file of the project to another, and holds in both places.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, relpath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent
DOCS = ROOT / "docs"
PAGES = {
    ROOT / "README.md": "overview.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "benchmarks" / "README.md": "benchmarks.md",
    ROOT / "CHANGELOG.md": "changes.md",
}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)[^)#\s]+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, then the files that all of them link to."""
    for source, uri in PAGES.items():
        files.append(File.generated(config, uri, abs_src_path=str(source)))
    linked = {target for page in files.documentation_pages() for target in _targets(page)}
    for target in linked - PAGES.keys():
        if target.is_file() and not target.is_relative_to(DOCS):
            files.append(File.generated(config, _uri(target), abs_src_path=str(target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Have each link lead to where its target is in the site."""
    source = _source(page.file)
    here = dirname(page.file.src_uri)
    return LINK.sub(lambda link: relpath(_uri((source.parent / link[0]).resolve()), here or "."), markdown)


def _source(page: File) -> Path:
    return Path(page.abs_src_path or DOCS / page.src_uri)


def _targets(page: File) -> Iterator[Path]:
    source = _source(page)
    for link in LINK.findall(source.read_text("utf-8")):
        yield (source.parent / link).resolve()


def _uri(target: Path) -> str:
    if target in PAGES:
        return PAGES[target]
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    return "source/" + target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else str(target)
