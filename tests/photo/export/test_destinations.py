"""Where exports may go."""

# ruff: noqa: S108 -- nothing is written to these

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from junmai_jobs.photo.errors import ExportRefused
from junmai_jobs.photo.export.destinations import may_be_written

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("/dev/a.jpg", "no exports belong in /dev"),
        ("/etc/cron.d/a.jpg", "no exports belong in /etc"),
        ("/shoot/a.jpg", "no exports belong in /shoot"),
        ("//nas/a.jpg", "on another computer"),
        ("a.jpg", "no full path"),
        ("/home/../etc/a.jpg", "no full path"),
    ],
)
def test_where_no_export_belongs(file: str, why: str) -> None:
    with pytest.raises(ExportRefused, match=why):
        may_be_written(Path(file), trusted=(), closed=(Path("/shoot"),))


@pytest.mark.parametrize("file", ["/dev/shm/a.jpg", "/pictures/a.jpg", "/shoot/web/a.jpg"])
def test_where_they_may_go(file: str) -> None:
    may_be_written(Path(file), trusted=(Path("/shoot/web"),), closed=(Path("/shoot"),))


def test_a_session_in_memory_is_closed_too() -> None:
    with pytest.raises(ExportRefused, match="no exports belong in /dev/shm/shoot"):
        may_be_written(Path("/dev/shm/shoot/a.jpg"), trusted=(), closed=(Path("/dev/shm/shoot"),))
