"""examples/flask_bridge as a process: its pages and login, the bridge under a prefix, the worker inside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import psutil
import pytest
from simple_websocket import Client, ConnectionClosed

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from tests.command_line import home_with_server
from tests.embedded_servers import ROOT
from tests.homes import in_home
from tests.photographs import copy_to
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse"  # noqa: S105 - of this test alone
WORD = re.compile(r'name="word" value="([^"]+)"')
CODE = re.compile(r"<code>([A-Z2-9]{4}-[A-Z2-9]{4})</code>")


@dataclass
class Answer:
    """What was answered at the end of all redirections."""

    status: int
    url: str
    text: str
    cookies: list[str]
    """As set by this answer, or on the way to it."""


@dataclass
class Browser:
    """Somebody at the program's pages, with cookies of their own."""

    port: int
    jar: CookieJar = field(default_factory=CookieJar)

    def ask(self, path: str, form: dict[str, str] | None = None, **more: Any) -> Answer:
        """Load a page, or send a form to it."""
        body = None if form is None else urlencode(form).encode()
        return self.send(urllib.request.Request(self.site + path, body, **more))  # noqa: S310 - this machine's

    def post(self, path: str, document: object = None, **headers: str) -> Answer:
        """Send JSON, as a program or a page's script does."""
        body = b"" if document is None else json.dumps(document).encode()
        told = {"Content-Type": "application/json"} | headers
        request = urllib.request.Request(self.site + path, body, told, method="POST")  # noqa: S310 - the same
        return self.send(request)

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, request: urllib.request.Request) -> Answer:
        before = {(cookie.name, cookie.value) for cookie in self.jar}
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        try:
            answer = opener.open(request, timeout=10)
        except HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read().decode()
        made = [cookie.name for cookie in self.jar if (cookie.name, cookie.value) not in before]
        return Answer(answer.status, answer.url.removeprefix(self.site), text, made)

    def document(self, path: str) -> Any:
        """The JSON that is answered."""
        answer = self.ask(path)
        assert answer.status == 200, answer
        return json.loads(answer.text)

    def word(self, path: str) -> str:
        """The word that the forms of a page bring."""
        found = WORD.search(self.ask(path).text)
        assert found
        return found[1]

    def log_in(self) -> None:
        answer = self.ask("/login", {"word": self.word("/login"), "password": PASSWORD})
        assert (answer.status, answer.url) == (200, "/")


@dataclass
class Program:
    """The example, which runs; with a photograph in its catalog."""

    process: subprocess.Popen[str]
    port: int
    home: Path
    photo: int

    def browser(self) -> Browser:
        return Browser(self.port)

    @property
    def bearer(self) -> dict[str, str]:
        """What a program brings to the bridge."""
        token = load_config(environ=in_home(self.home)).token_file.read_text().strip()
        return {"Authorization": f"Bearer {token}"}

    @property
    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def answers(self) -> bool:
        assert self.process.poll() is None
        try:
            return self.browser().ask("/junmai/healthz").status == 200
        except OSError:
            return False

    def order(self, browser: Browser) -> str:
        """Have the photograph processed, by the page's button; the id of the job."""
        ordered = browser.ask(f"/photos/{self.photo}/process", {"word": browser.word("/")})
        assert (ordered.status, ordered.url[:8]) == (200, "/orders/")
        return ordered.url[8:]

    def stop(self, number: signal.Signals) -> list[psutil.Process]:
        """End it by a signal; what it leaves behind."""
        family = self.family
        self.process.send_signal(number)
        assert self.process.wait(60) == 0
        return psutil.wait_procs(family, 10)[1]


@contextmanager
def running(folder: Path) -> Iterator[Program]:
    shoot, port = folder / "shoot", free_port()
    with home_with_server(folder / "home") as home:
        with Catalog(home / "catalog.db") as catalog:
            session = catalog.session("wedding", shoot)
            photos = catalog.photo_ids(session, copy_to(shoot))
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.flask_bridge", str(port)],
            cwd=ROOT, env=os.environ | in_home(home) | {"STUDIO_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            program = Program(process, port, home, min(photos.values()))
            wait_until(program.answers, 30, what="the program")
            yield program
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("studio")) as program:
        yield program


@pytest.fixture
def browser(program: Program) -> Browser:
    """Of somebody who has logged in."""
    browser = program.browser()
    browser.log_in()
    return browser


def test_its_pages_need_its_own_login(program: Program) -> None:
    stranger = program.browser()
    assert stranger.ask("/").url == "/login"
    assert stranger.ask("/", headers=program.bearer).url == "/login"
    assert stranger.ask("/login", {"word": stranger.word("/login"), "password": "wrong"}).status == 401
    assert stranger.ask(f"/photos/{program.photo}/process", {"word": stranger.word("/login")}).url == "/login"
    stranger.log_in()
    page = stranger.ask("/").text
    assert "wedding" in page
    assert page.count("<button>Process") == len(list((program.home.parent / "shoot").iterdir()))


def test_a_form_of_another_site_is_refused(program: Program, browser: Browser) -> None:
    assert browser.ask(f"/photos/{program.photo}/process", {}).status == 400
    assert browser.ask(f"/photos/{program.photo}/process", {"word": "guessed"}).status == 400


def test_a_photo_is_ordered_by_a_button_and_processed_by_the_worker_inside(
    program: Program, browser: Browser
) -> None:
    job_id = program.order(browser)
    wait_until(lambda: "succeeded" in browser.ask(f"/orders/{job_id}").text, 60, what="the photo")
    job = browser.document(f"/junmai/queue/jobs/{job_id}")
    score = job["result"]["quality"]["overall_score"]
    assert f"{score:.2f}, preset {job['result']['preset']}" in browser.ask(f"/orders/{job_id}").text
    assert (job["priority"], job["status"]) == (9, "succeeded")
    assert f"completed, {score:.2f}" in browser.ask("/").text
    assert browser.document(f"/junmai/queue/status/{job_id}")["state"] == "SUCCESS"


def test_what_is_not_there_is_a_404(browser: Browser) -> None:
    assert browser.ask("/photos/999999/process", {"word": browser.word("/")}).status == 404
    assert browser.ask("/orders/nobody").status == 404


def test_the_bridge_is_under_its_prefix_and_nowhere_else(program: Program) -> None:
    stranger = program.browser()
    assert stranger.document("/junmai/healthz") == {"status": "ok"}
    assert stranger.document("/junmai/openapi.json")["servers"] == [{"url": "/junmai"}]
    assert "active_tasks" in stranger.document("/junmai/queue/stats")
    assert stranger.ask("/queue/stats").url == "/login"


def test_the_login_opens_nothing_in_the_bridge_and_its_token_is_enough(
    program: Program, browser: Browser
) -> None:
    refused = browser.post("/junmai/queue/pause", Origin=browser.site)
    assert (refused.status, json.loads(refused.text)["code"]) == (401, "no_token")
    stranger = program.browser()
    for verb in ("pause", "resume"):
        assert stranger.post(f"/junmai/queue/{verb}", **program.bearer).status == 200
    assert not list(stranger.jar)


def test_who_has_logged_in_is_shown_a_code_for_the_bridge(browser: Browser) -> None:
    found = CODE.search(browser.ask("/").text)
    assert found
    assert browser.post("/junmai/session", {"code": found[1]}, Origin=browser.site).status == 200
    assert {(cookie.name, cookie.path) for cookie in browser.jar} == {
        ("session", "/"), ("junmai_jobs", "/junmai"),
    }  # fmt: skip
    for verb in ("pause", "resume"):
        assert browser.post(f"/junmai/queue/{verb}", Origin=browser.site).status == 200
        assert browser.post(f"/junmai/queue/{verb}", Origin="https://evil.example").status == 403
    assert browser.ask("/").url == "/"


def test_the_programs_own_cookie_is_left_alone(program: Program, browser: Browser) -> None:
    for path in ("/junmai/", "/junmai/queue/stats", "/junmai/openapi.json", "/junmai/nothing"):
        assert browser.ask(path, headers=program.bearer).cookies == []
    assert [cookie.name for cookie in browser.jar] == ["session"]
    assert browser.ask("/").url == "/"


@contextmanager
def followed(program: Program) -> Iterator[Iterator[bytes]]:
    """The lines of the stream of events, as long as it is there."""
    with urllib.request.urlopen(f"{program.browser().site}/junmai/queue/events", timeout=10) as stream:  # noqa: S310
        yield iter(stream)


@contextmanager
def listening(program: Program) -> Iterator[Client]:
    """A client of the WebSocket."""
    wire = Client.connect(f"ws://127.0.0.1:{program.port}/junmai/ws")
    try:
        yield wire
    finally:
        with suppress(ConnectionClosed):
            wire.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_stops_in_order_and_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    with running(tmp_path) as program:
        browser = program.browser()
        browser.log_in()
        with followed(program) as heard, listening(program) as wire:
            job_id = program.order(browser)
            assert next(line for line in heard if line.startswith(b"event:")) == b"event: submitted\n"
            assert json.loads(wire.receive(timeout=10) or "{}")["type"] == "connection_established"
            assert program.stop(number) == []
        with closing(JobQueue(config=load_config(environ=in_home(program.home)))) as jobs:
            assert jobs.workers() == []
            job = jobs.job(job_id)
            assert job.status in {"queued", "succeeded"}
            assert job.attempt <= 1


def test_the_page_on_the_bridge_quotes_this_example() -> None:
    page = (ROOT / "docs" / "bridge.md").read_text("utf-8")
    source = (ROOT / "examples" / "flask_bridge" / "app.py").read_text("utf-8")
    quoted = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert quoted
    for block in quoted:
        assert block in source
