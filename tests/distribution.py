"""Wheel and sdist, made and tried as a user gets them: in new environments, with no source near.

``python -m tests.distribution FOLDER`` makes both in FOLDER and tries them; ``make dist`` runs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EPOCH = "1767225600"  # s; of every file in an archive, whenever and wherever it is made
NEEDED = (
    "junmai_jobs/py.typed", "junmai_jobs/lua/claim.lua", "junmai_jobs/lua/lib/queue_keys.lua",
    "junmai_jobs/photo/quality/model.npz", "junmai_jobs/photo/develop/presets.toml",
    "junmai_jobs/photo/develop/contexts.toml", "junmai_jobs/contact_sheet/page.html",
    "junmai_jobs/bridge/dashboard/index.html", "share/man/man1/junmai-jobs.1",
    "share/junmai-jobs/JunmaiJobs.lrplugin/Info.lua", "share/junmai-jobs/systemd/junmai-jobs-worker.service",
    "share/junmai-jobs/docker/Dockerfile", "licenses/LICENSE", "entry_points.txt",
)  # fmt: skip
"""Ends of names that a wheel has to have."""
TASKS = """
from junmai_jobs import task

@task
def add(a, b=1):
    return a + b
"""


def make(folder: Path, *kinds: str, of: Path = ROOT) -> Path:
    """Make ``--wheel``, ``--sdist`` or, if none is named, both; return the wheel, else the sdist."""
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(folder), str(of)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    return max(folder.glob("*.tar.gz" if "--sdist" in kinds else "*.whl"))


def missing(wheel: Path) -> list[str]:
    """What a wheel lacks, or has although it should not."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    lacks = [f"no {end}" for end in NEEDED if not any(name.endswith(end) for name in names)]
    shares = f"{wheel.name.partition('-py3')[0]}.data/data/share/"
    allowed = ("junmai_jobs/", shares, f"{wheel.name.partition('-py3')[0]}.dist-info/")
    strays = [name for name in names if not name.startswith(allowed)]
    return lacks + strays + [name for name in names if name.endswith((".jpg", ".pyc", ".arw"))]


def wheel_of(sdist: Path, folder: Path) -> Path:
    """Make a wheel of what an sdist holds, in a folder that is empty."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)  # noqa: S202 - we have just made it
    (unpacked,) = folder.iterdir()
    return make(folder / "made", "--wheel", of=unpacked)


@dataclass(frozen=True)
class Installed:
    """An environment of its own, a home and a folder to work in, all of them new."""

    folder: Path

    @classmethod
    def of(cls, requirement: str, folder: Path, *options: str) -> Installed:
        """Make one in a folder, which is made, with this requirement in it and what that needs."""
        folder.mkdir(exist_ok=True)
        venv.create(folder / "venv", with_pip=False, symlinks=os.name != "nt")
        made = cls(folder)
        pip = [sys.executable, "-m", "pip", "--python", str(made.program("python")), "--quiet"]
        there = ["install", "--no-compile", "--disable-pip-version-check", *options, requirement]
        subprocess.run([*pip, *there], check=True)
        (folder / "work").mkdir()
        (folder / "work" / "studio.py").write_text(TASKS, "utf-8")
        return made

    def program(self, name: str) -> Path:
        """One of its commands."""
        scheme = sysconfig.get_preferred_scheme("prefix")
        places = sysconfig.get_paths(scheme, {"base": str(self.folder / "venv")})
        return Path(places["scripts"]) / (f"{name}.exe" if os.name == "nt" else name)

    def run(self, *arguments: str, code: int = 0, program: str = "junmai-jobs") -> str:
        """Run a command there, which has to end with this code; what it said, the errors last."""
        kept = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        home = {"HOME": str(self.folder), "JUNMAI_HOME": str(self.folder / "home"), "COLUMNS": "120"}
        done = subprocess.run(
            [str(self.program(program)), *arguments],
            check=False, cwd=self.folder / "work", env=environment | home, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", timeout=100,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode != code:
            raise AssertionError(f"{' '.join(arguments)} has ended with {done.returncode}: {said}")
        return said

    def try_jobs(self) -> None:
        """A server, a job and a worker, as a first hour has them."""
        where = self.run("-c", "import junmai_jobs; print(junmai_jobs.__file__)", program="python")
        assert Path(where.strip()).is_relative_to(self.folder / "venv"), where
        version = self.run("--version")
        assert version.startswith("junmai-jobs, version "), version
        assert "process" in self.run("--help")
        try:
            assert "embedded" in self.run("server", "start")
            assert "running" in self.run("server", "status")
            job = self.run("--tasks", "studio", "submit", "add", "2", "--kwargs", '{"b": 3}').strip()
            self.run("--tasks", "studio", "worker", "--burst", "--no-governor")
            shown = self.run("show", job, "--json")
            assert '"status": "succeeded"' in shown, shown
            assert '"result": 5' in shown, shown
        finally:
            self.run("server", "stop")
        assert "running" in self.run("server", "status", code=1)


def main() -> None:
    """Make both, check them, and try each in an environment of its own."""
    folder = Path(sys.argv[1]).resolve()
    for old in (*folder.glob("junmai_jobs-*.whl"), *folder.glob("junmai_jobs-*.tar.gz")):
        old.unlink()
    sdist, wheel = make(folder, "--sdist"), make(folder, "--wheel")
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel)], check=True)
    if wrong := missing(wheel):
        raise SystemExit("\n".join(("of the wheel:", *wrong)))
    with tempfile.TemporaryDirectory() as place:
        same = wheel_of(sdist, Path(place, "sdist")).read_bytes() == wheel.read_bytes()
        if not same:
            raise SystemExit("the sdist makes another wheel")
        for requirement, name in ((f"{wheel}[photo]", "wheel"), (str(sdist), "source")):
            installed = Installed.of(requirement, Path(place, name))
            installed.try_jobs()
            if name == "wheel":
                print(installed.run("demo"))
            else:
                for words in (("demo",), ("process", "."), ("serve", "--code"), ("metrics",)):
                    said = installed.run(*words, code=1)
                    assert "pip install" in said, said
                    assert said.count("\n") == 1, said
            print(f"{requirement}: installed and tried")


if __name__ == "__main__":
    main()
