"""Who may ask: hosts, origins, tokens and what a body has to be."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.bridge import create_blueprint
from junmai_jobs.bridge.serving import app_of

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.bridge.studio import Studio

READS = ["/queue/stats", "/queue/jobs", "/openapi.json", "/healthz", "/metrics"]
CHANGES = [("POST", "/queue/pause"), ("POST", "/queue/purge"), ("GET", "/job/next")]


def ask(studio: Studio, method: str, path: str, **more: Any) -> tuple[int, str | None]:
    """A request without the token: the status, and the code of a problem."""
    answer = studio.app.test_client().open(path, method=method, **more)
    document = answer.get_json(silent=True) or {}
    return answer.status_code, document.get("code")


@pytest.mark.parametrize("path", READS)
def test_from_this_computer_everybody_may_look(studio: Studio, path: str) -> None:
    assert ask(studio, "GET", path)[0] == 200


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic eDp5", "Bearer"])
def test_a_change_needs_the_token(studio: Studio, method: str, path: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    assert ask(studio, method, path, headers=headers) == (401, "no_token")


@pytest.mark.parametrize("path", READS)
def test_another_computer_needs_the_token_to_look(studio: Studio, path: str) -> None:
    far = {"REMOTE_ADDR": "192.0.2.7"}
    assert ask(studio, "GET", path, environ_base=far) == (401, "no_token")
    assert studio.ask("GET", path, environ_base=far).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:5100", "192.168.1.5", "[::2]"],
)
def test_a_host_that_the_bridge_is_not_is_refused(studio: Studio, host: str) -> None:
    answer = studio.ask("GET", "/queue/stats", headers={"Host": host})
    assert (answer.status_code, answer.get_json()["code"]) in {
        (421, "host_not_allowed"),
        (400, "bad_request"),
    }


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5100", "[::1]:5100", "LOCALHOST:80"])
def test_this_computer_has_several_names(studio: Studio, host: str) -> None:
    assert studio.ask("GET", "/queue/stats", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "http://localhost.evil"]
)
def test_pages_of_other_sites_are_refused_with_the_token_too(studio: Studio, origin: str) -> None:
    answer = studio.ask("POST", "/queue/pause", headers={"Origin": origin})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
@pytest.mark.parametrize("path", ["/job/next", "/queue/stats"])
def test_what_a_browser_marks_as_of_another_site_is_refused(studio: Studio, site: str, path: str) -> None:
    answer = studio.ask("GET", path, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "cross_site")


def test_without_a_token_only_this_computer_is_answered(studio: Studio) -> None:
    app = app_of(create_blueprint(studio.jobs, auth="local"))
    with app.test_client() as client:
        assert client.post("/queue/pause").status_code == 200
        assert client.get("/job/next", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.get("/queue/stats", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403


def bridge(studio: Studio, **settings: Any) -> FlaskClient:
    """Of a configuration with these fields, a client without a token."""
    jobs = copy.copy(studio.jobs)
    jobs.config = replace(jobs.config, **settings)
    return app_of(create_blueprint(jobs)).test_client()


def test_a_proxy_on_this_computer_does_not_make_a_client_one_of_it(studio: Studio) -> None:
    client = bridge(studio, bridge_hosts=("photos.example",))
    for headers in (
        {"X-Forwarded-For": "192.0.2.7"},
        {"X-Forwarded-Host": "photos.example"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=192.0.2.7"},
        {"Host": "photos.example"},
    ):
        assert client.get("/queue/stats", headers=headers).status_code == 401
        assert studio.app.test_client().get("/session", headers={"Host": "localhost"}).status_code == 200


def test_hosts_and_origins_are_configured(studio: Studio) -> None:
    client = bridge(
        studio, bridge_hosts=("photos.example", "2001:db8::1"), bridge_origins=("https://photos.example",)
    )
    token = {"Authorization": f"Bearer {studio.token}"}
    for host in ("photos.example", "PHOTOS.example.:5100", "[2001:db8::1]:5100"):
        assert client.get("/queue/stats", headers=token | {"Host": host}).status_code == 200
    shown = {"Host": "photos.example", "Origin": "https://photos.example"}
    assert client.post("/queue/pause", headers=token | shown).status_code == 200
    assert client.get("/queue/stats", headers=token | {"Host": "other.example"}).status_code == 421


def test_a_page_of_another_site_that_may_ask_is_let_read_the_answer(studio: Studio) -> None:
    client = bridge(studio, bridge_origins=("https://photos.example",))
    page = {"Origin": "https://photos.example", "Sec-Fetch-Site": "cross-site"}
    asked = page | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for given in ({}, {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}):
        answer = client.options("/queue/pause", headers=asked, **given)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://photos.example"
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert client.post("/queue/pause", headers=page).status_code == 401
    strange = client.get("/queue/stats", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in strange.headers


def test_who_asks_too_often_is_told_when_to_come_again(studio: Studio) -> None:
    client = bridge(studio, bridge_requests_per_second=3)
    answers = [client.get("/healthz") for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 3 <= len(answers) - len(refused) < 30
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert {answer.get_json()["code"] for answer in refused} == {"too_many_requests"}
    other = {"REMOTE_ADDR": "127.0.0.2"}
    assert client.get("/healthz", environ_base=other).status_code == 200
    token = {"Authorization": f"Bearer {studio.token}"}
    assert client.get("/healthz", headers=token | {"X-Forwarded-For": "192.0.2.7"}).status_code == 200
    assert client.post("/queue/pause", headers=token).status_code == 200, "changes are counted apart"


def test_after_ten_wrong_tokens_not_even_the_right_one_is_heard_from_elsewhere(studio: Studio) -> None:
    def status(token: str, address: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        answer = studio.app.test_client().get(
            "/queue/stats", headers=headers, environ_base={"REMOTE_ADDR": address}
        )
        return answer.status_code

    assert [status("wrong", "192.0.2.7") for _ in range(11)] == [401] * 10 + [429]
    assert status(studio.token, "192.0.2.7") == 429
    assert status(studio.token, "192.0.2.8") == 200
    assert [status("wrong", f"2001:db8::{number}") for number in range(1, 12)] == [401] * 10 + [429]
    assert [status("wrong", "::ffff:192.0.2.9") for _ in range(11)] == [401] * 10 + [429]
    assert status(studio.token, "::ffff:192.0.2.10") == 200


def test_a_program_of_this_computer_with_an_old_token_does_not_lock_out_the_others(studio: Studio) -> None:
    for _ in range(11):
        last = ask(studio, "POST", "/queue/pause", headers={"Authorization": "Bearer old"})
    assert last == (429, "too_many_requests")
    assert studio.ask("POST", "/queue/pause").status_code == 200


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"data": {"photo_id": "1"}}, 415),
        ({"data": b'{"photo_id": 1}', "content_type": "text/plain"}, 415),
        ({"data": b'{"photo_id": 1}'}, 415),
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b'{"photo_id": NaN}', "content_type": "application/json"}, 400),
        ({"data": b"\xff\xfe", "content_type": "application/json"}, 400),
        ({"data": b"[" * 100_000, "content_type": "application/json"}, 400),
        ({"data": b'{"photo_id": 1, "photo_id": 2}', "content_type": "application/json"}, 400),
        ({"data": b"1", "content_type": "application/json"}, 400),
        ({"data": b" " * 10_000_000, "content_type": "application/json"}, 413),
        ({"json": {"photo_id": 1, "photo_ids": [1]}}, 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_is_not_what_it_takes(studio: Studio, more: dict[str, Any], status: int) -> None:
    assert studio.ask("POST", "/queue/submit", **more).status_code == status


def test_the_token_is_in_a_file_of_its_owner_alone(studio: Studio) -> None:
    file = studio.jobs.config.home / "bridge-token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().strip() == studio.token


def test_every_answer_says_what_a_page_may_do(studio: Studio) -> None:
    for path in ("/queue/stats", "/nothing"):
        headers = studio.ask("GET", path).headers
        assert "'unsafe-inline'" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
