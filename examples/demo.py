"""``make demo``: a shoot of real photographs through the main job, and whether all became of it that should.

It is ``junmai-jobs demo`` with photographs by cameras in place of drawn pictures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from junmai_jobs.commands.demo import summary
from junmai_jobs.demo.bursts import make_burst
from junmai_jobs.demo.shoot import MORNING, Shoot, digests
from junmai_jobs.demo.stage import DemoError, perform
from junmai_jobs.errors import StoreUnavailable
from tests.photographs import camera_photographs, scenes


def make_shoot(folder: Path) -> Shoot:
    """Fill a folder: a burst of each scene, and a picture of each camera.

    The scenes themselves are left out: each would be in its burst, and as good as the sharp frame.

    Raises:
        DemoError: the photographs could not be fetched.
    """
    try:
        pictures = camera_photographs()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise DemoError(
            f"the demo's photographs could not be fetched: is this computer online? ({reason})"
        ) from error
    cameras = folder / "other cameras"
    cameras.mkdir(parents=True)
    for picture in sorted(set(pictures) - set(scenes())):
        shutil.copy(picture, cameras)
    bursts = [
        make_burst(scene, folder / f"京都 {seed + 1}", start=MORNING + seed * timedelta(hours=3), seed=seed)
        for seed, scene in enumerate(scenes())
    ]
    return Shoot(folder, bursts, digests(folder))


def main() -> int:
    """Run the demo in a temporary folder; 0 only if all is as it should be."""
    try:
        print(f"\n{summary(perform(make_shoot))}")
    except (DemoError, StoreUnavailable) as error:
        print(*(f"Error: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The demo was stopped; nothing of it is left.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
