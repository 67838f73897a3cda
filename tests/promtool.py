"""Prometheus' own tool, which reads what we give to Prometheus."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRIB = Path(__file__).parents[1] / "contrib"


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    """What it says of a file that it takes; a test that needs it is skipped without it, but not in CI."""
    if shutil.which("promtool") is None:
        missing = "there is no promtool: apt install prometheus, or put it on PATH"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run(
        ["promtool", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=CONTRIB,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
