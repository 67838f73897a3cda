"""The manual page is that of the commands there are, and roff can set it."""

from __future__ import annotations

import os
import shutil
import subprocess

import click
import pytest

from junmai_jobs.cli import junmai_jobs
from tests.manual_page import PAGE, text


def test_it_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == text(), "the commands have changed: make man"


def test_every_command_is_in_it() -> None:
    context = click.Context(junmai_jobs)
    for name in junmai_jobs.list_commands(context):
        assert f"\n.SS {name}" in text().replace(r"\-", "-")


@pytest.mark.skipif(
    shutil.which("groff") is None and "CI" not in os.environ, reason="groff is not on this system"
)
def test_roff_sets_it_without_a_warning() -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-K", "utf8", "-T", "utf8", str(PAGE)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "junmai-jobs process" in " ".join(done.stdout.split())
