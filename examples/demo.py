"""``make demo``: real photographs through the queue, on a server and in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.photographs import copy_to

SERVER_VARIABLES = {
    "JUNMAI_CONFIG", "JUNMAI_REDIS_URL", "REDIS_URL",
    "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD",
}  # fmt: skip
COMMAND = (sys.executable, "-m", "junmai_jobs.cli")


def main() -> int:
    """Run the main job; 0 only if every photo succeeded."""
    with tempfile.TemporaryDirectory(prefix="junmai-demo-") as folder:
        photos = Path(folder) / "photographs"
        copy_to(photos)
        environment = os.environ | {"JUNMAI_HOME": str(Path(folder) / "home")}
        for name in environment.keys() & SERVER_VARIABLES:
            del environment[name]
        try:
            return subprocess.run([*COMMAND, "process", str(photos)], env=environment, check=False).returncode
        finally:
            subprocess.run(
                [*COMMAND, "server", "stop"], env=environment, check=False, stdout=subprocess.DEVNULL
            )


if __name__ == "__main__":
    sys.exit(main())
