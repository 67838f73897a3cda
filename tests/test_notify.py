"""Who is told of what, and that nobody who is told holds anybody up."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest

from junmai_jobs import ConfigError
from junmai_jobs.config import Config, load_config
from junmai_jobs.job import Job, Status
from junmai_jobs.notify import DELIVERY, Notice, Outlets, desktop, jobs_failed, notify, programs
from junmai_jobs.notify.programs import Started
from tests.in_process import typed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the one of the standard's examples
DONE = Notice("session_finished", "All is done.", {"photos": 3})
ODD = [
    "a b",
    "",
    '"quoted"',
    "$(touch pwned); `touch pwned`",
    "-n",
    "%JUNMAI_HOME%",
    "two\nlines",
    "写真",
    "*",
]
TELL_ARGUMENTS = (
    "import json, pathlib, sys;"
    "pathlib.Path(sys.argv[1]).write_text(json.dumps([sys.argv[2:], sys.stdin.read()]))"
)
HANG = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1] + ".part").write_text(str(child.pid))
pathlib.Path(sys.argv[1] + ".part").rename(sys.argv[1])
child.wait()
"""


@pytest.fixture(autouse=True)
def _nothing_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_complaints", {})


@pytest.fixture
def load(tmp_path: Path) -> Callable[[dict[str, Any]], Config]:
    def load(settings: dict[str, Any]) -> Config:
        (tmp_path / "config.json").write_text(json.dumps({"notify": settings}), "utf-8")
        return load_config(environ={"JUNMAI_HOME": str(tmp_path)})

    return load


def failed(number: int, **fields: Any) -> Job:
    values: dict[str, Any] = dict.fromkeys(Job.__slots__)
    error = {"type": "ValueError", "message": f"no {number}", "traceback": "..."}
    values |= {"id": f"job-{number}", "task": "develop", "queue": "default", "status": Status.FAILED}
    values |= {"error": error, "finished_at": "2026-11-29T10:00:00.000Z"}
    return Job(**values | fields)


# ---- what is told, and to whom -------------------------------------------------------------------


def test_nobody_is_told_who_is_not_configured(load: Callable[[dict[str, Any]], Config]) -> None:
    outlets = Outlets.of(load({}))
    assert outlets.hearing("session_finished") == outlets.hearing("test") == []


def test_each_event_has_its_receivers(load: Callable[[dict[str, Any]], Config]) -> None:
    everybody = {"desktop": True, "command": ["true"], "webhook": "https://example.org/x"}
    outlets = Outlets.of(load(everybody))
    assert outlets.hearing("session_finished") == outlets.hearing("jobs_failed") == list(everybody)
    assert outlets.hearing("exports_finished") == outlets.hearing("approval_required") == []
    chosen = {"jobs_failed": ["webhook"], "approval_required": ["command", "desktop"], "session_finished": []}
    outlets = Outlets.of(load(everybody | {"events": chosen}))
    assert outlets.hearing("jobs_failed") == ["webhook"]
    assert outlets.hearing("approval_required") == ["command", "desktop"]
    assert outlets.hearing("session_finished") == []
    assert outlets.hearing("test") == list(everybody)


@pytest.mark.parametrize("address", [
    "https://example.org/a?b=c", "https://me:pass@hooks.example.org:8443/", "http://localhost:8000/x",
    "http://127.0.0.1/", "http://[::1]:80/x", "http://192.168.1.5/hook", "http://10.0.0.1", "http://nas:8123/x",
    "http://nas.local/x", "http://nas.home.arpa/x", "https://203.0.113.5/",
])  # fmt: skip
def test_addresses(load: Callable[[dict[str, Any]], Config], address: str) -> None:
    assert load({"webhook": address}).notify_webhook == address


@pytest.mark.parametrize("address", [
    "http://example.org/s3cret", "http://93.184.216.34/s3cret", "ftp://localhost/s3cret", "https://", "https://h:port/s3cret",
    "https://h/s3cret\n", "https://h/写真/s3cret", "http://0.0.0.0/s3cret", "http://localhost.example.org/s3cret",
    "http://[::1/s3cret", "https:///s3cret", 5,
])  # fmt: skip
def test_addresses_that_are_refused(load: Callable[[dict[str, Any]], Config], address: object) -> None:
    with pytest.raises(
        ConfigError, match=r"notify\.webhook must be an address that begins with https"
    ) as caught:
        load({"webhook": address})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "secret", ["hunter2", "whsec_hunter2", "whsec_" + "A" * 28, "whsec_" + "A" * 100, "", 5]
)
def test_secrets_that_are_refused(load: Callable[[dict[str, Any]], Config], secret: object) -> None:
    with pytest.raises(
        ConfigError, match=r"notify\.secret must be whsec_ and 24 to 64 random bytes"
    ) as caught:
        load({"secret": secret})
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_not_shown(load: Callable[[dict[str, Any]], Config]) -> None:
    config = load({"secret": SECRET})
    assert config.notify_secret == SECRET
    assert config.describe()["notify"]["secret"] == "***"  # noqa: S105 - it is hidden
    assert SECRET not in repr(config)


def test_events_that_are_refused(load: Callable[[dict[str, Any]], Config]) -> None:
    for events, told in (
        ({"jobs_faild": []}, "did you mean jobs_failed?"),
        ({"jobs_failed": ["pager"]}, r"events\.jobs_failed\[0\] must be one of desktop, command, webhook"),
    ):
        with pytest.raises(ConfigError, match=told):
            load({"events": events})


# ---- what is said of failures --------------------------------------------------------------------


def test_many_failures_are_one_notice() -> None:
    notice = jobs_failed(5000, [failed(number) for number in range(100)])
    assert notice is not None
    assert notice.message == (
        "5,000 jobs have failed: develop job-0: no 0; develop job-1: no 1; develop job-2: no 2; "
        "and 4,997 more"
    )
    assert (notice.details["count"], len(notice.details["jobs"])) == (5000, 20)
    assert notice.details["jobs"][0] == {
        "id": "job-0", "task": "develop", "queue": "default", "reason": None,
        "error": {"type": "ValueError", "message": "no 0"},
    }  # fmt: skip


def test_what_is_said_of_a_failure_is_bounded_and_text() -> None:
    error = {"type": "E" * 10_000, "message": "\udcff" * 10_000, "traceback": ""}
    notice = jobs_failed(100, [failed(number, error=error, reason="r" * 10_000) for number in range(100)])
    assert notice is not None
    told = json.dumps(
        [notice.message, notice.details], ensure_ascii=False
    ).encode()  # there is no lone surrogate
    assert len(told) < 100_000


def test_a_delivery_that_failed_is_told_of_to_nobody() -> None:
    assert jobs_failed(2, [failed(1, task=DELIVERY), failed(2, task=DELIVERY)]) is None
    notice = jobs_failed(2, [failed(1, task=DELIVERY), failed(2)])
    assert notice is not None
    assert notice.message == "1 job has failed: develop job-2: no 2"
    assert DELIVERY not in json.dumps(notice.details)


def test_a_job_that_fails_once_more_is_another_notice() -> None:
    first, same, later = (
        jobs_failed(1, [failed(1, finished_at=at)]) for at in ("2026-11-29", "2026-11-29", "2026-11-30")
    )
    assert first is not None
    assert same is not None
    assert later is not None
    assert first.key == same.key != later.key


# ---- programs ------------------------------------------------------------------------------------


def test_a_command_gets_its_words_as_they_are(tmp_path: Path) -> None:
    told = tmp_path / "told"
    words = (sys.executable, "-c", TELL_ARGUMENTS, str(told), *ODD)
    assert Started(words, DONE, heard=False).outcome() == ""
    arguments, document = json.loads(told.read_text("utf-8"))
    assert arguments == ODD
    assert json.loads(document) == {"event": DONE.event, "message": DONE.message, "details": DONE.details}
    assert not Path("pwned").exists()


def test_a_program_that_hangs_holds_nobody_and_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    child = tmp_path / "child"
    monkeypatch.setattr(programs, "DEADLINE", 2.0)
    notify(DONE, Outlets(command=(sys.executable, "-c", HANG, str(child))))
    family = [psutil.Process(int(wait_until(child.exists) and child.read_text()))]
    family.append(cast("psutil.Process", family[0].parent()))
    assert all(each.is_running() for each in family), "notify has returned before them"
    wait_until(lambda: "no notice by command: it took longer than 2 s" in caplog.text, what="the complaint")
    wait_until(lambda: not any(each.is_running() for each in family), what="the end of both")


def test_what_fails_keeps_nobody_from_hearing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = tmp_path / "told"
    for number in range(2):
        words = (sys.executable, "-c", TELL_ARGUMENTS, str(told), str(number))
        notify(DONE, Outlets(command=words, desktop=True))
        wait_until(told.exists, what="the command")
        told.unlink()
    notify(DONE, Outlets(command=("/no/such",)))
    assert caplog.text.count("no notice by desktop: ") == 1
    assert "/no/such: No such file or directory" in caplog.text


def test_a_command_that_fails_is_told_with_its_status(caplog: pytest.LogCaptureFixture) -> None:
    notify(DONE, Outlets(command=(sys.executable, "-c", "raise SystemExit(3)")))
    wait_until(
        lambda: "no notice by command: it ended with exit status 3" in caplog.text, what="the complaint"
    )


# ---- the desktop ---------------------------------------------------------------------------------


@pytest.fixture
def notify_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program of that name onto PATH; where it notes its arguments."""

    def install(script: str) -> Path:
        program = tmp_path / "bin" / "notify-send"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "$0.new"\nmv "$0.new" "$0.told"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return program.with_name("notify-send.told")

    return install


needs_a_shell = pytest.mark.skipif(sys.platform != "linux", reason="other systems show it otherwise")


@needs_a_shell
def test_the_desktop_shows_a_notice(notify_send: Callable[[str], Path]) -> None:
    told = notify_send("exit 0")
    notify(Notice("jobs_failed", "-u & <b>写真</b>", {}), Outlets(desktop=True))
    wait_until(told.exists, what="notify-send")
    assert told.read_text("utf-8").splitlines() == [
        "--app-name=Junmai Jobs", "--", "Junmai Jobs", "-u &amp; &lt;b&gt;写真&lt;/b&gt;",
    ]  # fmt: skip


@needs_a_shell
def test_where_there_is_no_desktop_one_line_says_so(
    notify_send: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    told = notify_send("echo 'Cannot autolaunch D-Bus without X11 $DISPLAY' >&2; exit 1")
    line = "no notice by desktop: Cannot autolaunch D-Bus without X11 $DISPLAY"
    for _ in range(2):
        notify(DONE, Outlets(desktop=True))
        wait_until(told.exists, what="notify-send")
        wait_until(lambda: programs._complaints.get("desktop"), what="what it said")
        told.unlink()
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == [line]


@pytest.mark.parametrize("system", ["darwin", "win32", "linux"])
def test_no_text_becomes_part_of_a_program(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(desktop, "sys", SimpleNamespace(platform=system))
    text = '\0\'"); do shell script "x" --; $(x) \ud800' + "a" * 1000
    programs_of = [
        [word for word in desktop.command(each) if "JUNMAI" in word or "words" in word] for each in ("", text)
    ]
    assert programs_of[0] == programs_of[1]
    given = desktop.command(text)
    assert all("\0" not in word and len(word.encode()) < 2000 for word in given)
    assert any("do shell" in word for word in given) is (system != "win32"), "there it is in JUNMAI_MESSAGE"


# ---- a try of it ---------------------------------------------------------------------------------


def tried(home: Path, settings: dict[str, Any], *options: str) -> tuple[int, str]:
    (home / "config.json").write_text(json.dumps({"notify": settings}), "utf-8")
    (home / "config.json").chmod(0o600)
    done = typed(home, "notify", "test", *options)
    return done.exit_code, done.output


def test_a_try_tells_what_became_of_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    good = [sys.executable, "-c", TELL_ARGUMENTS, str(told)]
    assert tried(tmp_path, {"command": good}) == (0, "command: told\n")
    assert json.loads(json.loads(told.read_text())[1])["event"] == "test"
    bad = [sys.executable, "-c", "raise SystemExit('out of\\x1b[31m paper')"]
    assert tried(tmp_path, {"command": bad}) == (1, "command: out of\\x1b[31m paper\n")
    code, said = tried(tmp_path, {"command": ["/no/such"]}, "--json")
    assert (code, json.loads(said)) == (
        1, {"receivers": [{"name": "command", "ok": False, "said": "/no/such: No such file or directory"}]},
    )  # fmt: skip


def test_a_try_without_anybody_says_how_to_name_one(tmp_path: Path) -> None:
    code, said = tried(tmp_path, {})
    assert (code, said.startswith("nobody is told but the log: set notify.desktop")) == (0, True)
