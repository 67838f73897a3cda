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
    photos, succeeded = len(shoot.digests), report["succeeded"]
    if (report["photos"], succeeded) != (photos, photos):
        yield f"{succeeded} of {photos} photos succeeded"
    for failure in report["failures"]:
        yield f"{failure['path']}: {failure['error']}"
    yield from _wrong_picks(report, shoot)
    yield from _wrong_exports(report, exports)
    now = digests(shoot.folder)
    for path in sorted(now.keys() | shoot.digests.keys()):
        if now.get(path) != shoot.digests.get(path):
            yield f"{path.name} in {path.parent.name} was changed, removed or added"


def _wrong_picks(report: dict[str, Any], shoot: Shoot) -> Iterator[str]:
    if len(report["groups"]) != len(shoot.bursts):
        yield f"of {len(shoot.bursts)} bursts became {len(report['groups'])} groups"
    picked_of = {frozenset(group["photos"]): group["pick"] for group in report["groups"]}
    picks = {pick["path"] for pick in report["picks"]}
    for burst in shoot.bursts:
        pick = picked_of.get(frozenset(map(str, burst.frames)))
        if pick is None:
            yield f"the burst in {burst.frames[0].parent.name} is not one group"
        elif pick != str(burst.sharp):
            yield f"{Path(pick).name} was picked of its burst, but {burst.sharp.name} is the sharp one"
        elif pick not in picks:
            yield f"{burst.sharp.name} is missing among the picks"


def _wrong_exports(report: dict[str, Any], exports: Path) -> Iterator[str]:
    others = set(digests(exports))
    for pick in report["picks"]:
        try:
            with Image.open(pick["exported"] or "") as image:
                image.load()
        except OSError:
            yield f"{Path(pick['path']).name} was picked, but not exported whole"
        else:
            others.discard(Path(pick["exported"]))
    if others:
        yield f"{', '.join(sorted(map(str, others)))}: exported, but of no pick"


def run(folder: Path) -> None:
    """Run the demo in an empty folder.

    Raises:
        DemoError: not all is as it should be; the text has a line for all that is wrong.
    """
    try:
        camera_photographs()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise DemoError(
            f"the demo's photographs could not be fetched: is this computer online? ({reason})"
        ) from error
    shoot = make_shoot(folder / "写真 shoot")
    exports, home = folder / "picks", folder / "home"
    arguments = ("process", str(shoot.folder), "--export", str(exports))
    with _leaving_nothing(home):
        print("$", shlex.join(("junmai-jobs", *arguments)), flush=True)
        begin = time.monotonic()
        code, _ = _junmai_jobs(home, *arguments)
        seconds = time.monotonic() - begin
        _, document = _junmai_jobs(home, *arguments, "--json", stdout=subprocess.PIPE)
    wrong = ["junmai-jobs process has failed"] if code or not document else []
    if document:
        wrong += shortcomings(json.loads(document), shoot, exports)
    if wrong:
        raise DemoError("\n".join(wrong))
    bursts, photos = len(shoot.bursts), len(shoot.digests)
    rate = f"{photos / seconds:.1f} a second, the start of server and workers included"
    print(f"\n{bursts} bursts, {bursts} sharp frames picked and exported; no original was changed.")
    print(f"{photos} photos in {seconds:.1f} s, {rate}.")


def _junmai_jobs(home: Path, *arguments: str, stdout: int | None = None) -> tuple[int, str]:
    """Run the command as a user would, with nothing of this user's settings; its exit code and output.

    It has a session of its own, so that a Ctrl-C comes to the demo alone, which ends it once and orderly.

    Raises:
        DemoError: it could not do its work at all, and has said why.
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
    if process.returncode not in {0, 1}:
        raise DemoError(f"junmai-jobs {arguments[0]} has ended with {process.returncode}")
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
        for _ in range(2):  # a server that was just being started is there the second time
            with contextlib.suppress(JunmaiJobsError):  # there is none on this system
                server.stop(GRACE)
            _, left = psutil.wait_procs(list(_processes(home)), GRACE)
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, GRACE)
        if server.embedded.socket.parent != server.embedded.folder:
            shutil.rmtree(server.embedded.socket.parent, ignore_errors=True)


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
