"""Each peer in a virtual environment of its own, made when it is first wanted; see ``peers``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.stage import ROOT

FOLDER = ROOT / ".cache" / "peers"


@dataclass(frozen=True, slots=True)
class Environment:
    """A peer and the python that can import it."""

    peer: Peer
    python: Path

    def command(self, *arguments: object) -> list[str]:
        """To run the peer's adapter, see ``peers.run``."""
        return [str(self.python), "-m", "benchmarks.peers.run", self.peer.adapter, *map(str, arguments)]

    def versions(self) -> dict[str, str]:
        """What is installed there of what matters."""
        names = [re.split(r"[ \[]", each)[0] for each in self.peer.requires] or ["redis", "hiredis"]
        found: dict[str, str] = json.loads(
            subprocess.run(
                self.command("versions", *names), cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
        )
        return found


def environment(name: str, peer: Peer, folder: Path = FOLDER) -> Environment:
    """An environment with what the peer requires, as it was first installed.

    Raises:
        CalledProcessError: pip could not install it; nothing half-made stays in the way of the next try.
    """
    if not peer.requires:
        return Environment(peer, Path(sys.executable))
    home = folder / name
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    complete = home / "complete"
    if not complete.exists():
        print(f"installing {name} under {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *peer.requires], check=True)
        complete.touch()
    return Environment(peer, python)
