"""Bad requests, row by row of what a hostile or broken client may send: each is told, and none does harm."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

import pytest
from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from tests.bridge.studio import Studio

if TYPE_CHECKING:
    from pathlib import Path


JSON = "application/json"
TASK = b'{"task": "process_photo", '


def told(answer: Any) -> tuple[int, str]:
    """The status and the code, of an answer that has the shape of a problem and shows no traceback."""
    document = answer.get_json()
    assert answer.mimetype == JSON
    assert document.keys() == {"error", "code"}
    assert "Traceback" not in document["error"]
    return answer.status_code, document["code"]


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "Bearer \xe9\xff", "Basic eDp5", "Bearer " + "x" * 5000]
)
def test_no_token_or_a_wrong_one(studio: Studio, given: str) -> None:
    answer = studio.app.test_client().post("/queue/pause", headers={"Authorization": given})
    assert told(answer) == (401, "no_token")
    assert studio.jobs.inspector.paused() == []


def test_a_token_is_compared_in_constant_time(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Any] = []
    compare = hmac.compare_digest

    def noted(*given: bytes) -> bool:
        compared.append(given)
        return compare(*given)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    studio.ask("POST", "/queue/resume")
    assert compared
    assert all(studio.token.encode() in given for given in compared)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.com"}, 421),
        ({"Host": "evil.com:5100"}, 421),
        ({"Origin": "https://evil.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:99999"}, 403),
    ],
    ids=str,
)
def test_a_host_or_an_origin_of_somebody_else(studio: Studio, headers: dict[str, str], status: int) -> None:
    assert told(studio.ask("POST", "/queue/pause", headers=headers))[0] == status
    assert studio.jobs.inspector.paused() == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"]
)
def test_a_body_as_a_form_of_another_site_sends_it(studio: Studio, kind: str) -> None:
    body = b'{"photo_id": 1}'
    for path in ("/queue/submit", "/queue/jobs", "/queue/purge", "/queue/process"):
        answer = studio.ask("POST", path, data=body, content_type=kind)
        assert told(answer) == (415, "not_json")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"nothing", b"NaN", b'{"task": NaN}', b'{"task": Infinity}', b'{"task": "a", "task": "b"}',
        TASK + b'"kwargs": {"a": 1, "a": 2}}', b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000,
        TASK + b'"kwargs": ' + b'{"a":' * 900 + b"1" + b"}" * 901,
        TASK + b'"kwargs": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
        b"\xff\xfe", b'{"task": "\xff"}', b'{"task": "\\ud800"}', TASK + b'"args": ["\\udfff"]}',
        TASK + b'"args": [' + b"9" * 5000 + b"]}", TASK + b'"args": [99999999999999999999]}',
        TASK + b'"delay": 1e999}', TASK + b'"delay": 99999999999999999999999999999999}',
        TASK + b'"args": [-1e400]} trailing', b"\x00", b'{"task":"a"}\x00', b"null", b"true", b"1",
    ],
    ids=lambda body: repr(body[:40]),
)  # fmt: skip
def test_a_body_that_is_no_json_or_not_of_ours(studio: Studio, body: bytes) -> None:
    for path in ("/queue/submit", "/queue/jobs", "/queue/batch", "/queue/process"):
        assert told(studio.ask("POST", path, data=body, content_type=JSON))[0] == 400
    assert studio.jobs.stats()["total_pending"] == 0


def test_a_body_that_is_too_large(studio: Studio) -> None:
    answer = studio.ask("POST", "/queue/jobs", data=b" " * 10_000_000, content_type=JSON)
    assert told(answer) == (413, "too_large")


class Endless:
    """A body that never ends: chunk after chunk."""

    def __init__(self) -> None:
        self.read_so_far = 0

    def read(self, size: int = -1) -> bytes:
        self.read_so_far += (size := min(size, 65_536) if size >= 0 else 65_536)
        assert self.read_so_far < 100_000_000, "it is read for ever"
        return b" " * size

    readline = read


def test_a_body_in_chunks_that_never_ends(studio: Studio) -> None:
    body = Endless()
    headers = Headers({"Authorization": f"Bearer {studio.token}", "Transfer-Encoding": "chunked"})
    environ = EnvironBuilder("/queue/jobs", method="POST", headers=headers, content_type=JSON).get_environ()
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True}
    answer = Response.from_app(studio.app, environ)
    assert told(answer) == (413, "too_large")
    assert body.read_so_far < 5_000_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/queue/submit"), ("GET", "/queue/pause"), ("GET", "/queue/purge"),
        ("GET", "/queue/cancel/x"), ("GET", "/queue/process"), ("GET", "/queue/priority/rebalance"),
        ("POST", "/queue/stats"),
        ("DELETE", "/queue/jobs"), ("PATCH", "/queue/jobs"), ("TRACE", "/queue/jobs"), ("TRACE", "/"),
        ("CONNECT", "/queue/jobs"), ("BREW", "/queue/jobs"), ("BREW", "/queue/pause"),
    ],
)  # fmt: skip
def test_a_method_that_a_path_does_not_take(studio: Studio, method: str, path: str) -> None:
    answer = studio.ask(method, path)
    assert told(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"]
    assert studio.jobs.inspector.paused() == []


@pytest.mark.parametrize(
    "call",
    [
        "/queue/jobs?limit=1e9", "/queue/jobs?limit=1000000000", "/queue/jobs?offset=1000000000",
        "/queue/jobs?days=999999", "/queue/failed?limit=1e9", "/queue/failed?limit=-1",
        "/queue/failed?days=999999", "/queue/priority/starvation?age_threshold_hours=1e308",
        "/queue/priority/starvation?age_threshold_hours=nan",
        "/queue/priority/starvation?age_threshold_hours=-inf",
    ],
)  # fmt: skip
def test_a_number_that_would_ask_for_everything(studio: Studio, call: str) -> None:
    assert told(studio.ask("GET", call)) == (400, "bad_value")


@pytest.mark.parametrize(
    "number",
    [
        "0", "-1", "9223372036854775808", "9" * 30, "9" * 5000, "1.5", "x", "%00", "1%20", "0x1",
        "\N{ARABIC-INDIC DIGIT ONE}",
    ],
)  # fmt: skip
def test_a_number_that_is_no_number_of_the_catalog(studio: Studio, number: str) -> None:
    for path in ("/queue/session/{}", "/queue/priority/session/{}/boost"):
        assert told(studio.ask("POST", path.format(number)))[0] == 404
    if number.isascii():
        assert told(studio.ask("GET", f"/photos/{number}/thumbnail"))[0] == 404


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30, 1.5, "1", None, True, [1]], ids=repr)
def test_a_photo_that_no_catalog_can_have(studio: Studio, number: Any) -> None:
    assert told(studio.ask("POST", "/queue/submit", json={"photo_id": number}))[0] == 400
    assert told(studio.ask("POST", "/queue/batch", json={"photo_ids": [studio.photos[0], number]}))[0] == 400
    assert studio.jobs.stats()["total_pending"] == 0


@pytest.mark.parametrize(
    "path",
    [
        r"..\..\x", "../../x", "ROOT/../../etc", "ROOT/..", "x", ".", "", " ", "~", "file:///etc", "file://ROOT",
        r"\\host\share", "//host/share", r"\\?\C:\x", r"C:\Users", "/etc", "/dev/zero", "/dev/stdin",
        "/proc/self/cwd", "/", "ROOT\0", "ROOT/\0x", "CON", "NUL", "COM1.jpg", "ROOT/out", "ROOT/out/x",
        "ROOT/loop", "a" * 5000, "/" + "a/" * 2000, "ROOT\ud800",
    ],
    ids=lambda path: ascii(path)[:30],
)  # fmt: skip
def test_a_path_out_of_the_roots(rooted: Studio, tmp_path: Path, path: str) -> None:
    shoot = tmp_path / "shoot"
    (tmp_path / "elsewhere").mkdir()
    (shoot / "out").symlink_to(tmp_path / "elsewhere")
    (shoot / "loop").symlink_to(shoot / "loop")
    given = path.replace("ROOT", str(shoot))
    allowed = {"path_not_allowed"} | (
        {"bad_value"} if not path or len(path) > 4096 or "\ud800" in path else set()
    )
    allowed |= {"bad_folder"} if path == "ROOT/loop" else set()
    folder = told(rooted.ask("POST", "/queue/process", json={"folder": given}))
    assert folder in {(400, code) for code in allowed}
    row = {"task": "process_photo", "kwargs": {"photo_id": rooted.photos[0], "path": given}}
    if path != "ROOT/loop":
        assert told(rooted.ask("POST", "/queue/jobs", json=row))[0] == 400
    assert rooted.jobs.stats()["total_pending"] == 0


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "'\"><img src=x>", "{{7*7}}", "\r\nSet-Cookie: a=b"]
)
def test_a_script_as_a_name(studio: Studio, name: str) -> None:
    """It comes back in a problem at most, which no browser takes for a page."""
    for body in ({"task": name}, {"task": "process_photo", "args": [1], "queue": name}):
        answer = studio.ask("POST", "/queue/jobs", json=body)
        assert told(answer)[0] == 400
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers


def test_a_key_that_stands_for_another_request(studio: Studio) -> None:
    headers = {"Idempotency-Key": "k1"}
    photos = studio.photos
    assert (
        studio.ask("POST", "/queue/submit", json={"photo_id": photos[0]}, headers=headers).status_code == 200
    )
    answer = studio.ask("POST", "/queue/submit", json={"photo_id": photos[1]}, headers=headers)
    assert told(answer) == (409, "idempotency_conflict")
