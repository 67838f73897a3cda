"""The plugin in a stand-in for Lightroom, as a process of its own: ``sdk/Scene.lua`` tells what it can do."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

PLUGIN = Path(__file__).parents[2] / "lightroom" / "JunmaiJobs.lrplugin"
STAND_IN = Path(__file__).parent / "sdk" / "lightroom.lua"
_numbers = itertools.count(1)


@cache
def _has_lua() -> bool:
    probe = ["lua5.1", "-e", "require 'socket.http'"]
    return (
        bool(shutil.which("lua5.1"))
        and not subprocess.run(probe, check=False, capture_output=True).returncode
    )


def lua() -> str:
    """Lua as Lightroom has it. In CI a test fails without it; elsewhere it is skipped and says what to do."""
    if not _has_lua():
        missing = "the plugin is tried with Lua 5.1 and LuaSocket: apt-get install lua5.1 lua-socket"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return "lua5.1"


def lua_says(code: str) -> str:
    """What a piece of Lua prints; the plugin's modules can be required."""
    search = f"package.path = '{PLUGIN.as_posix()}/?.lua;' .. package.path\n"
    done = subprocess.run(
        [lua(), "-e", search + code], check=False, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Lightroom:
    """One Lightroom: its catalog in a file, and what its plugin did in a journal. ``start`` runs it."""

    folder: Path
    url: str
    token: str | Path
    """The token, or its file."""
    tells_screen: bool = False
    """As nothing but a few tests wants to hear of it."""
    process: subprocess.Popen[str] | None = field(default=None)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.import_photos([])

    def import_photos(self, paths: Iterable[Path], **settings: Any) -> None:
        """Have a catalog of these photos, in which somebody has set something already."""
        rows = [{"path": str(path), "settings": {"Exposure2012": -1.5} | settings} for path in paths]
        (self.folder / "catalog.json").write_text(json.dumps(rows), "utf-8")

    def photos(self) -> list[dict[str, Any]]:
        """What the catalog has, virtual copies after their masters."""
        found: list[dict[str, Any]] = json.loads((self.folder / "catalog.json").read_text("utf-8"))
        return found

    def copies(self) -> list[dict[str, Any]]:
        return [row for row in self.photos() if "master" in row]

    def start(self, **scene: Any) -> subprocess.Popen[str]:
        """Start it; see ``sdk/Scene.lua`` for the scene."""
        file = self.folder / f"scene-{next(_numbers)}.json"
        prefs: dict[str, Any] = {"url": self.url, "tellsScreen": self.tells_screen}
        if isinstance(self.token, Path):
            prefs["tokenFile"] = str(self.token)
        else:
            scene = {"password": self.token} | scene
        places = {name: str(self.folder / f"{name}.json") for name in ("journal", "catalog")}
        file.write_text(json.dumps({"prefs": prefs} | places | scene), "utf-8")
        self.process = subprocess.Popen(
            [lua(), str(STAND_IN), str(PLUGIN), str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def finish(self) -> list[dict[str, Any]]:
        """Wait for its end; the journal."""
        assert self.process
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, (out, self.journal()[-3:])
        assert out == ""
        return self.journal()

    def run(self, **scene: Any) -> list[dict[str, Any]]:
        """Start it and wait for its end: when the bridge had no job."""
        self.start(**scene)
        return self.finish()

    def close(self) -> None:
        """As by kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def journal(self) -> list[dict[str, Any]]:
        file = self.folder / "journal.json"
        lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def calls(self, *names: str) -> list[dict[str, Any]]:
        """The calls of these names, in their order."""
        return [line for line in self.journal() if line["call"] in names]

    def wait_for(self, call: str) -> None:
        """Wait until such a call was made."""
        wait_until(lambda: self.calls(call), what=f"{call} in {self.folder.name}")


def requests(journal: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    """What a plugin has asked, without the ids of jobs, and the statuses of the answers."""
    return [
        (line["path"].rpartition("/")[2], line.get("status")) for line in journal if line["call"] == "http"
    ]
