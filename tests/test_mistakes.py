"""docs/mistakes.md keeps its word: each mistake in its tables is made, and what is said of it compared."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import current_job, task
from tests.embedded_servers import ROOT
from tests.in_process import typed

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue

PAGE = (ROOT / "docs" / "mistakes.md").read_text("utf-8")
ROWS = re.findall(r"^\| (`+) ?(.+?) ?\1 \| (`+) ?(.+?) ?\3 \|", PAGE, re.MULTILINE)
MISTAKES = [(made, said) for _, made, _, said in ROWS]
FILES = {
    "studio.py": "from junmai_jobs import task\n\n\n@task\ndef resize(path: str, width: int = 100) -> str:\n"
    '    return f"{path} {width}"\n',
    "broken.py": "def (:\n",
    "lacking.py": "import colour_of_magic\n",
    "unguarded.py": "from junmai_jobs import JobQueue\nfrom studio import resize\n\n"
    "jobs = JobQueue()\nwith jobs.worker(concurrency=1):\n    print(jobs.submit(resize, 'b').result())\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newcomer's; what is imported from it is forgotten at the end."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})
    for name in ("studio", "broken", "lacking"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def complaint(made: str, jobs: JobQueue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said when this is typed: a command in a shell, or a line of Python."""
    if made.startswith("junmai-jobs "):
        arguments = [a_job(jobs) if word == "ID" else word for word in shlex.split(made)[1:]]
        return of_command(arguments, jobs, folder)
    if made.startswith("python "):
        done = subprocess.run(
            [sys.executable, *made.split()[1:]], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        return done.stderr
    if made.startswith("import "):
        for name in [each for each in sys.modules if each.startswith("junmai_jobs.bridge")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "flask", None)
    from studio import resize  # type: ignore[import-not-found] # noqa: PLC0415 - written above

    known = {"jobs": jobs, "resize": resize, "task": task, "datetime": datetime, "current_job": current_job}
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what it says is compared
        exec(made, known | {"other": lambda: None})  # noqa: S102 - what stands in our own page
    return str(caught.value)


def of_command(arguments: list[str], jobs: JobQueue, folder: Path) -> str:
    done = typed(folder / "home", *arguments, JUNMAI_REDIS_URL=str(jobs.server.url))
    is_told = arguments[0] in {"why", "worker"}
    assert done.exit_code in ({0} if is_told else {1, 2, 69}), done.output
    return done.output


def a_job(jobs: JobQueue) -> str:
    from studio import resize  # noqa: PLC0415 - written above

    return jobs.submit(resize, "a.jpg").id


def test_there_are_more_than_twenty() -> None:
    assert len(MISTAKES) == len(re.findall(r"^\| `", PAGE, re.MULTILINE)) >= 20


@pytest.mark.parametrize(("made", "said"), MISTAKES, ids=[made[:40] for made, _ in MISTAKES])
def test_a_mistake_is_answered_as_the_page_says(
    made: str, said: str, jobs: JobQueue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = complaint(made, jobs, folder, monkeypatch)
    assert re.search(re.escape(said).replace(re.escape("..."), ".*"), heard, re.DOTALL), heard
    assert made.startswith("python ") or "Traceback" not in heard


@pytest.mark.parametrize(
    ("module", "lacks", "extra"),
    [("metrics", "prometheus_client", "metrics"), ("tracing", "opentelemetry", "otel")],
)
def test_an_extra_that_is_not_installed_is_named(
    module: str, lacks: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"junmai_jobs.{module}", raising=False)
    for name in [each for each in sys.modules if each.partition(".")[0] == lacks]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, lacks, None)
    with pytest.raises(
        ModuleNotFoundError, match=rf'^{lacks}[.\w]* is missing: pip install "junmai-jobs\[{extra}\]"$'
    ):
        __import__(f"junmai_jobs.{module}")
