"""A bridge with a catalog of photographs, on a real server; requests go to it without a socket."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from tests.bridge.studio import Studio
from tests.homes import in_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import RedisProcess


@pytest.fixture
def studio(server: RedisProcess, tmp_path: Path) -> Iterator[Studio]:
    with server.client() as client:
        client.flushall()
    home = tmp_path / "home"
    with closing(JobQueue(server.url, config=load_config(environ=in_home(home)))) as jobs:
        yield Studio(jobs, tmp_path / "shoot")


@pytest.fixture
def rooted(studio: Studio, tmp_path: Path) -> Iterator[Studio]:
    """The same studio; its ``photo.roots`` names the folder of the photographs, and nothing else."""
    config = replace(studio.jobs.config, photo_roots=(tmp_path / "shoot",))
    with closing(JobQueue(studio.jobs.server.describe(), config=config)) as jobs:
        yield Studio(jobs, tmp_path / "shoot")
