"""A bridge that serves, as a process of its own on a real server, and Lightrooms that ask it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from tests.bridge.studio import Studio
from tests.command_line import CommandLine
from tests.homes import in_home
from tests.lightroom.lightroom import Lightroom
from tests.servers import RedisProcess, free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

StartLightroom = Callable[..., Lightroom]


@pytest.fixture(scope="module")
def studio(server: RedisProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The photographs, which the tests of a module share."""
    folder = tmp_path_factory.mktemp("studio")
    config = load_config(environ=in_home(folder / "home"))
    with closing(JobQueue(server.url, config=config)) as jobs:
        yield Studio(jobs, folder / "shoot")


@pytest.fixture(autouse=True)
def _no_jobs(server: RedisProcess) -> None:
    with server.client() as client:
        client.flushall()


@pytest.fixture(scope="module")
def bridge(server: RedisProcess, studio: Studio) -> Iterator[str]:
    """The address of a bridge with the studio's jobs."""
    home = studio.jobs.config.home
    roots = [str(studio.path(studio.photos[0]).parent)]
    (home / "config.json").write_text(json.dumps({"photo": {"roots": roots}}), "utf-8")
    command = CommandLine(home, home.with_name("cwd"), {"JUNMAI_REDIS_URL": server.url})
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = command.start("serve", "--port", str(port))

    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except URLError:
            return False

    try:
        wait_until(answers, what="the bridge")
        yield url
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def lightroom(bridge: str, studio: Studio, tmp_path: Path) -> Iterator[StartLightroom]:
    """Makes Lightrooms, whose catalogs have the studio's photos."""
    made: list[Lightroom] = []

    def make(**settings: object) -> Lightroom:
        token_file = studio.jobs.config.home / "bridge-token"
        made.append(Lightroom(tmp_path / f"lightroom {len(made) + 1}", bridge, token_file))
        made[-1].import_photos([studio.path(photo) for photo in studio.photos], **settings)
        return made[-1]

    yield make
    for each in made:
        each.close()
