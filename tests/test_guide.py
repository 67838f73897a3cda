"""Each page of the guide keeps its word: its example is there, and prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.embedded_servers import ROOT
from tests.homes import in_home
from tests.servers import RedisProcess

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(path.stem for path in (ROOT / "docs" / "guide").glob("*.md"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_example_has_its_page() -> None:
    examples = {path.stem.replace("_", "-") for path in (ROOT / "examples" / "guide").glob("[a-z]*.py")}
    assert examples == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_the_example_prints_what_the_page_says(page: str, server: RedisProcess, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "guide" / f"{page}.md").read_text("utf-8")
    fences = FENCE.findall(text)
    language, code = fences[0]
    assert language == "python"
    module = ROOT / "examples" / "guide" / f"{page.replace('-', '_')}.py"
    assert code == module.read_text("utf-8")
    assert fences[1][0] == "text"
    done = subprocess.run(
        [sys.executable, "-m", f"examples.guide.{module.stem}"],
        cwd=ROOT,
        env=os.environ
        | in_home(tmp_path)
        | {"JUNMAI_REDIS_URL": server.url, "JUNMAI_NAMESPACE": f"guide-{page}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert done.stdout == fences[1][1]
