"""The second opinion, asked of a real HTTP server that answers, refuses, talks nonsense or drags its feet."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from junmai_jobs.catalog import Catalog
from junmai_jobs.config import SecondOpinion, load_config
from junmai_jobs.errors import ConfigError
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.second_opinion import LONG_EDGE, Breaker, add_second_opinion
from junmai_jobs.tasks.photos import evaluate_quality, process_photo
from tests.photographs import scenes

QUALITY: dict[str, Any] = {
    "overall_score": 3.0,
    "quality": {"focus_score": 4.0},
    "recommendation": "review",
    "metrics": {"kept": 1},
}


@dataclass
class Ollama:
    """A server in threads; ``serve`` is what it does with a request whose body it has read."""

    url: str = ""
    serve: Callable[[BaseHTTPRequestHandler], None] = lambda _: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def answers(self, content: object, status: int = 200) -> Ollama:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()

        def serve(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        self.serve = serve
        return self

    def settings(self, **given: Any) -> SecondOpinion:
        return SecondOpinion(**{"url": self.url, "model": "llava:7b"} | given)


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    server = Ollama()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append({"path": self.path, "body": json.loads(body)})
            server.serve(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.closing.set()
        http.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return load_color(scenes()[0], 1500)


def opinion(score: object, reason: object = "A fine moment.") -> dict[str, Any]:
    """As Ollama wraps what the model says."""
    return {"model": "llava:7b", "response": json.dumps({"score": score, "reason": reason}), "done": True}


def test_the_opinion_has_its_share_of_the_score(ollama: Ollama, picture: Image.Image) -> None:
    ollama.answers(opinion(5, "Sharp\n and \x1b well lit."))

    found = add_second_opinion(QUALITY, picture, ollama.settings())

    assert found == QUALITY | {
        "overall_score": 3.6,
        "recommendation": found["recommendation"],
        "llm_evaluation": {
            "model": "llava:7b", "score": 5.0, "reason": "Sharp and well lit.",
            "own_score": 3.0, "weight": 0.3,
        },
    }  # fmt: skip
    assert QUALITY["overall_score"] == 3.0


def test_the_advice_follows_the_score(ollama: Ollama, picture: Image.Image) -> None:
    ollama.answers(opinion(5))
    praised = add_second_opinion(QUALITY, picture, ollama.settings(weight=1))
    ollama.answers(opinion(1))
    condemned = add_second_opinion(QUALITY, picture, ollama.settings(weight=1))

    assert [found["overall_score"] for found in (praised, condemned)] == [5.0, 1.0]
    assert [found["recommendation"] for found in (praised, condemned)] == ["approve", "reject"]


def test_what_is_sent_is_a_small_picture_and_nothing_about_it(ollama: Ollama) -> None:
    tagged = Image.new("RGB", (1500, 1000))
    tagged.info["exif"] = b"Exif\0\0secret"
    add_second_opinion(QUALITY, tagged, ollama.answers(opinion(4)).settings())

    (asked,) = ollama.asked
    assert asked["path"] == "/api/generate"
    assert {key: asked["body"][key] for key in ("model", "stream", "format")} == {
        "model": "llava:7b", "stream": False, "format": "json",
    }  # fmt: skip
    (encoded,) = asked["body"]["images"]
    sent = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert (sent.format, max(sent.size), sent.info.get("exif")) == ("JPEG", LONG_EDGE, None)


def test_nobody_is_asked_unless_the_user_says_whom(ollama: Ollama, picture: Image.Image) -> None:
    assert add_second_opinion(QUALITY, picture, None) is QUALITY
    assert ollama.asked == []


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (b"", 200, "not the JSON"),
        (b"<html>", 200, "not the JSON"),
        (b"[" * 60_000, 200, "not the JSON"),
        (b"x" * 100_000, 200, "more than"),
        ([], 200, "not the JSON"),
        ({"response": "I like it: 5 out of 5"}, 200, "not the JSON"),
        ({"response": "[4]"}, 200, "not the JSON"),
        ({"response": '{"reason": "good"}'}, 200, "not the JSON"),
        (opinion(7), 200, "no score from 1 to 5"),
        (opinion(score=True), 200, "no score from 1 to 5"),
        (opinion("4"), 200, "no score from 1 to 5"),
        (opinion(float("nan")), 200, "no score from 1 to 5"),
        ({"error": 'model "llava:7b" not found'}, 404, 'status 404: model "llava:7b" not found'),
        (b"oops", 500, "status 500: Internal Server Error"),
        (b"", 307, "status 307"),
    ],
)
def test_no_usable_answer_leaves_the_score_as_it_was(
    ollama: Ollama, picture: Image.Image, answer: object, status: int, why: str
) -> None:
    ollama.answers(answer, status)

    found = add_second_opinion(QUALITY, picture, ollama.settings(), Breaker())

    assert why in found.pop("llm_evaluation")["error"]
    assert found == QUALITY


def test_a_reason_may_be_missing_or_endless(ollama: Ollama, picture: Image.Image) -> None:
    reasons = []
    for reason in (None, ["a"], "word " * 1000):
        found = add_second_opinion(QUALITY, picture, ollama.answers(opinion(4, reason)).settings())
        reasons.append(found["llm_evaluation"]["reason"])

    assert reasons[:2] == ["", ""]
    assert len(reasons[2]) == 300


def hangs(ollama: Ollama) -> Callable[[BaseHTTPRequestHandler], None]:
    def serve(_: BaseHTTPRequestHandler) -> None:
        ollama.closing.wait(60)

    return serve


def dribbles(start: bytes) -> Callable[[Ollama], Callable[[BaseHTTPRequestHandler], None]]:
    """One byte after another, each well within the time limit of a socket."""

    def serving(ollama: Ollama) -> Callable[[BaseHTTPRequestHandler], None]:
        def serve(handler: BaseHTTPRequestHandler) -> None:
            with contextlib.suppress(OSError):  # the other side has left
                handler.wfile.write(start)
                while not ollama.closing.wait(0.02):
                    handler.wfile.write(b"x")

        return serve

    return serving


@pytest.mark.parametrize(
    "how",
    [hangs, dribbles(b"HTTP/1.1 200 OK\r\nX: "), dribbles(b"HTTP/1.0 200 OK\r\n\r\n")],
    ids=["hangs", "dribbles its head", "dribbles its body"],
)
def test_the_whole_call_has_a_limit_and_leaves_no_thread(
    ollama: Ollama, picture: Image.Image, how: Callable[[Ollama], Any]
) -> None:
    ollama.serve = how(ollama)

    found = add_second_opinion(QUALITY, picture, ollama.settings(timeout_s=0.3), Breaker())

    assert "no answer within 0.3 s" in found.pop("llm_evaluation")["error"]
    assert found == QUALITY
    for thread in threading.enumerate():
        if thread.name == "second opinion":
            thread.join(20)
            assert not thread.is_alive()


def test_nobody_there(picture: Image.Image) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = SecondOpinion(url=f"http://127.0.0.1:{port}", model="m")

    found = add_second_opinion(QUALITY, picture, settings, Breaker())

    assert "is Ollama running?" in found["llm_evaluation"]["error"]


def test_after_failures_in_a_row_it_is_left_alone_for_a_while(ollama: Ollama, picture: Image.Image) -> None:
    now = 1000.0
    breaker = Breaker(clock=lambda: now)

    def ask(score: object) -> dict[str, Any]:
        found = add_second_opinion(QUALITY, picture, ollama.answers(opinion(score)).settings(), breaker)
        evaluation: dict[str, Any] = found["llm_evaluation"]
        return evaluation

    for score in (0, 0, 4, 0, 0, 0):  # a success between them starts the count anew
        ask(score)
    assert len(ollama.asked) == 6
    assert ask(4)["error"] == "not asked: it failed 3 times in a row, next try in 300 s"
    now += 299
    assert "next try in 1 s" in ask(4)["error"]
    assert len(ollama.asked) == 6
    now += 1
    ask(0)  # one more is enough now
    assert "4 times in a row" in ask(4)["error"]
    assert len(ollama.asked) == 7
    now += 300
    assert ask(4)["score"] == 4.0
    assert ask(5)["score"] == 5.0


@pytest.fixture
def photo_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("JUNMAI_HOME", str(home))
    with Catalog(home / "catalog.db") as catalog:
        yield catalog.photo_id(catalog.session("shoot", scenes()[0].parent), scenes()[0])


def test_the_tasks_ask_as_config_json_says(ollama: Ollama, tmp_path: Path, photo_id: int) -> None:
    alone = evaluate_quality(photo_id)
    settings = {"photo": {"llm": {"url": ollama.answers(opinion(1)).url, "model": "llava:7b"}}}
    (tmp_path / "home/config.json").write_text(json.dumps(settings), "utf-8")

    advised, processed = evaluate_quality(photo_id), process_photo(photo_id)

    expected = round(0.7 * alone["overall_score"] + 0.3, 4)
    assert advised["overall_score"] == processed["quality"]["overall_score"] == expected
    assert advised["llm_evaluation"] == processed["quality"]["llm_evaluation"]
    assert advised.keys() - alone.keys() == {"llm_evaluation"}
    with Catalog(tmp_path / "home/catalog.db") as catalog:
        row = catalog.photo_row(photo_id)
    assert row is not None
    assert row.ai_score == expected


@pytest.mark.parametrize(
    ("llm", "what"),
    [
        ({}, 'must be an object with a "model"'),
        ({"model": ""}, "model must be a text"),
        ({"model": "m", "url": "127.0.0.1:11434"}, "url must be http://HOST:PORT"),
        ({"model": "m", "url": "http://me:secret@host"}, "url must be http://HOST:PORT"),
        ({"model": "m", "url": "http://host/api"}, "url must be http://HOST:PORT"),
        ({"model": "m", "url": "file:///etc/passwd"}, "url must be http://HOST:PORT"),
        ({"model": "m", "timeout_s": 0}, "timeout_s must be a number"),
        ({"model": "m", "weight": 2}, "weight must be a number"),
        ({"model": "m", "wait": 2}, "wait is not known"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, llm: object, what: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"photo": {"llm": llm}}), "utf-8")

    with pytest.raises(ConfigError, match=what) as refused:
        load_config(None, {"JUNMAI_HOME": str(tmp_path)})

    assert "secret" not in str(refused.value)


def test_the_setting_is_off_and_shown_when_on(tmp_path: Path) -> None:
    environ = {"JUNMAI_HOME": str(tmp_path)}
    assert load_config(None, environ).second_opinion is None

    (tmp_path / "config.json").write_text('{"photo": {"llm": {"model": "m"}}}', "utf-8")

    assert load_config(None, environ).describe()["photo"]["llm"] == {
        "url": "http://127.0.0.1:11434", "model": "m", "timeout_s": 20.0, "weight": 0.3,
    }  # fmt: skip
