"""``make demo``: a shoot of real photographs through the main job, and whether all became of it that should.

The shoot, a home with a server of its own and the exports lie in a temporary folder. However the demo ends,
short of being killed, that folder is gone then and none of its processes is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.server import Server
from tests.bursts import Burst, make_burst
from tests.photographs import camera_photographs, scenes

COMMAND = (sys.executable, "-m", "junmai_jobs.cli")
OTHER_SETTINGS = ("JUNMAI_", "REDIS_", "CELERY_")
"""What variables of the user's own configuration and server begin with."""
STOPPED_BY = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
MORNING = datetime(2026, 5, 9, 9)  # noqa: DTZ001 - clocks of cameras have no zone
GRACE = 10.0
"""Seconds that a process has to end by itself."""


class DemoError(Exception):
    """What was wrong, in one line."""


@dataclass(frozen=True, slots=True)
class Shoot:
    """A folder of photographs as it was taken."""

    folder: Path
    bursts: list[Burst]
    digests: dict[Path, str]
    """Of every file in it."""


def make_shoot(folder: Path) -> Shoot:
    """Fill a folder: a burst of each scene, and a picture of each camera.

    The scenes themselves are left out: each would be in its burst, and as good as the sharp frame.
    """
    cameras = folder / "other cameras"
    cameras.mkdir(parents=True)
    for picture in sorted(set(camera_photographs()) - set(scenes())):
        shutil.copy(picture, cameras)
    bursts = [
        make_burst(scene, folder / f"京都 {seed + 1}", start=MORNING + seed * timedelta(hours=3), seed=seed)
        for seed, scene in enumerate(scenes())
    ]
    return Shoot(folder, bursts, digests(folder))


def digests(folder: Path) -> dict[Path, str]:
    """The SHA-256 of every file in a folder and the folders below it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def shortcomings(report: dict[str, Any], shoot: Shoot, exports: Path) -> Iterator[str]:
    """Tell all in which a ``process --json`` of the shoot is not what it should be; nothing if it is."""
    if (report["photos"], report["succeeded"]) != (len(shoot.digests), len(shoot.digests)):
        yield f"{report['succeeded']} of {len(shoot.digests)} photos succeeded"
    for failure in report["failures"]:
        yield f"{failure['path']}: {failure['error']}"
    if len(report["groups"]) != len(shoot.bursts):
        yield f"{len(report['groups'])} groups were made of {len(shoot.bursts)} bursts"
    picked_from = {frozenset(group["photos"]): group["pick"] for group in report["groups"]}
    for burst in shoot.bursts:
        pick = picked_from.get(frozenset(map(str, burst.frames)))
        if pick is None:
            yield f"the frames of {burst.frames[0].parent.name} are not one group"
        elif pick != str(burst.sharp):
            yield f"{Path(pick).name} was picked of its burst, and {burst.sharp.name} is the sharp one"
    yield from _shortcomings_of_exports(report, shoot, exports)
    now = digests(shoot.folder)
    for path in sorted(
        path for path in now.keys() | shoot.digests if now.get(path) != shoot.digests.get(path)
    ):
        yield f"{path.name} in {path.parent.name} was changed, removed or added"


def _shortcomings_of_exports(report: dict[str, Any], shoot: Shoot, exports: Path) -> Iterator[str]:
    exported = {pick["path"]: pick["exported"] for pick in report["picks"]}
    for burst in shoot.bursts:
        file = exported.get(str(burst.sharp))
        try:
            with Image.open(file or "") as image:
                image.load()
        except OSError:
            yield f"{burst.sharp.name} was not exported" if file is None else f"{file} is no picture"
    if others := sorted(
        map(str, digests(exports).keys() - {Path(file) for file in exported.values() if file})
    ):
        yield f"there are files among the exports that no pick has: {', '.join(others)}"


def run(folder: Path) -> None:
    """Run the demo in an empty folder.

    Raises:
        DemoError: not all is as it should be; the text has a line for all that is wrong.
    """
    try:
        shoot = make_shoot(folder / "写真 shoot")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        first, *_, last = [*str(error).splitlines(), ""]
        raise DemoError(f"the photographs for the demo are not there: {first} {last}".rstrip()) from error
    exports, home = folder / "picks", folder / "home"
    arguments = ("process", str(shoot.folder), "--export", str(exports))
    with _leaving_nothing(home):
        print("$", shlex.join(("junmai-jobs", *arguments)), flush=True)
        begin = time.monotonic()
        code, _ = _junmai_jobs(home, *arguments)
        seconds = time.monotonic() - begin
        wrong = [f"junmai-jobs process has ended with {code}"] if code else []
        code, document = _junmai_jobs(home, *arguments, "--json", stdout=subprocess.PIPE)
        if document:
            wrong += shortcomings(json.loads(document), shoot, exports)
        elif not wrong:
            wrong = [f"junmai-jobs process --json has ended with {code}"]
    if wrong:
        raise DemoError("\n".join(wrong))
    bursts, photos = len(shoot.bursts), len(shoot.digests)
    print(f"\n{bursts} bursts, {bursts} sharp frames picked and exported; no original was changed.")
    print(
        f"{photos} photos in {seconds:.1f} s, {photos / seconds:.1f} a second, starting its server included."
    )


def _junmai_jobs(home: Path, *arguments: str, stdout: int | None = None) -> tuple[int, str]:
    """Run the command as a user would, with nothing of this user's settings; its exit code and output.

    It has a session of its own, so that a Ctrl-C comes to the demo alone, which ends it once and orderly.
    """
    ours = {name: text for name, text in os.environ.items() if not name.startswith(OTHER_SETTINGS)}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=ours | {"JUNMAI_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate()
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        raise
    return process.returncode, said or ""


@contextlib.contextmanager
def _leaving_nothing(home: Path) -> Iterator[None]:
    """At the end stop the home's server, and whatever else still runs with this home."""
    try:
        yield
    finally:
        for number in STOPPED_BY:
            signal.signal(number, signal.SIG_IGN)  # from here on it only takes a moment
        server = Server(None, home)
        with contextlib.suppress(JunmaiJobsError):  # there is none on this system
            server.stop(GRACE)
            if server.embedded.socket.parent != server.embedded.folder:
                shutil.rmtree(server.embedded.socket.parent)
        _, left = psutil.wait_procs(list(_processes(home)), GRACE)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, GRACE)


def _processes(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get("JUNMAI_HOME") == str(home):
                yield process


def main() -> int:
    """Run the demo in a temporary folder; 0 only if all is as it should be."""
    for number in STOPPED_BY:
        signal.signal(number, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="junmai-demo-") as folder:
            run(Path(folder).resolve())
    except DemoError as error:
        print(*(f"Error: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The demo was stopped; nothing of it is left.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
