"""The studios that are watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import embedded_valkey, server_binary
from tests.studios import Studio, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.forks import Forks


@pytest.fixture
def studio(tmp_path: Path, forks: Forks) -> Iterator[Studio]:
    """On Redis."""
    with opened(server_binary(), tmp_path, forks) as studio:
        yield studio


@pytest.fixture(params=[server_binary, embedded_valkey], ids=["redis", "valkey"])
def any_studio(request: Any, tmp_path: Path, forks: Forks) -> Iterator[Studio]:
    """On Redis, and on Valkey."""
    with opened(request.param(), tmp_path, forks) as studio:
        yield studio
