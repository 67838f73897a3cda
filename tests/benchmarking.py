"""A benchmark as a person starts it: its workers have the environment that it makes for them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.embedded_servers import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def figures_of(name: str, folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    """What a module of ``benchmarks`` writes into its JSON file, and what it prints."""
    file = folder / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", f"--json={file}", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    return json.loads(file.read_text("utf-8")), done.stdout
