"""How a browser gets the right to change something: a code, once, for a cookie."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from junmai_jobs.bridge import codes, create_blueprint
from junmai_jobs.bridge.codes import LASTS, new_code
from junmai_jobs.bridge.serving import app_of
from tests.in_process import typed

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.bridge.studio import Studio

FAR = {"REMOTE_ADDR": "192.0.2.7"}
PAGE = {"Origin": "http://localhost"}
"""What a browser says of a page of the bridge."""


def log_in(client: FlaskClient, code: str, **more: Any) -> TestResponse:
    return client.post("/session", json={"code": code}, **({"headers": PAGE} | more))


def logged_in(studio: Studio) -> FlaskClient:
    client = studio.app.test_client()
    assert log_in(client, new_code(studio.token)).status_code == 200
    return client


def test_a_page_is_told_whether_it_may_change_something(studio: Studio) -> None:
    client = studio.app.test_client()
    told = client.get("/session", environ_base=FAR).get_json()
    assert told == {"auth": "token", "may_change": False}
    assert studio.done("GET", "/session") == {"auth": "token", "may_change": True}
    assert logged_in(studio).get("/session").get_json() == {"auth": "token", "may_change": True}


def test_a_code_gives_a_cookie_that_no_script_and_no_other_site_gets(studio: Studio) -> None:
    answer = log_in(studio.app.test_client(), new_code(studio.token))
    (cookie,) = answer.headers.getlist("Set-Cookie")
    name, *more = cookie.split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={30 * 86_400}"} <= set(more)
    assert "Secure" not in more
    assert studio.token not in name
    assert answer.get_json().keys() == {"message"}


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://localhost", "https://localhost"),
        ("http://photos.example", "https://photos.example"),  # by a proxy
    ],
)
def test_where_the_browser_speaks_tls_the_cookie_needs_it_too(
    studio: Studio, address: str, origin: str
) -> None:
    app = app_of(create_blueprint(studio.jobs, origins=["https://photos.example"], hosts=["photos.example"]))
    code = new_code(studio.token)
    answer = log_in(app.test_client(), code, base_url=address, headers={"Origin": origin})
    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


def test_the_cookie_is_for_the_bridge_alone_where_a_host_has_more(studio: Studio) -> None:
    app = Flask("host")
    app.register_blueprint(create_blueprint(studio.jobs), url_prefix="/junmai")
    answer = app.test_client().post("/junmai/session", json={"code": new_code(studio.token)}, headers=PAGE)
    assert "Path=/junmai" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("write", [str, str.lower, lambda code: f" {code.replace('-', ' ')} "])
def test_a_code_is_good_once_however_it_is_written(studio: Studio, write: Any) -> None:
    code, client = write(new_code(studio.token)), studio.app.test_client()
    assert log_in(client, code).status_code == 200
    again = log_in(client, code)
    assert (again.status_code, again.get_json()["code"]) == (401, "wrong_code")
    assert "Set-Cookie" not in again.headers


def test_another_process_makes_a_code_that_this_one_takes(studio: Studio) -> None:
    code = typed(studio.jobs.config.home, "serve", "--code").output.split()[0]
    assert log_in(studio.app.test_client(), code).status_code == 200


@pytest.mark.parametrize(("age", "status"), [(0, 200), (LASTS - 1, 200), (LASTS, 401), (-1, 401)])
def test_a_code_lasts_ten_minutes(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, age: int, status: int
) -> None:
    made = int(time.time()) + 3600
    set_clock(monkeypatch, made)
    code = new_code(studio.token)
    set_clock(monkeypatch, made + age)
    assert log_in(studio.app.test_client(), code).status_code == status


def set_clock(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    monkeypatch.setattr(codes, "time", SimpleNamespace(time=lambda: float(now)))


def test_a_code_of_before_the_bridge_began_is_none(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier process may have taken it."""
    set_clock(monkeypatch, int(time.time()) - 60)
    code = new_code(studio.token)
    monkeypatch.undo()
    assert log_in(studio.app.test_client(), code).status_code == 401


@pytest.mark.parametrize("code", ["", "ABCD-EFGH", "0", "é", "x" * 100])
def test_a_wrong_code(studio: Studio, code: str) -> None:
    assert log_in(studio.app.test_client(), code).status_code == 401


@pytest.mark.parametrize("body", [{}, {"code": 5}, {"code": "x" * 101}, {"code": "x", "token": "y"}, []])
def test_what_is_no_code(studio: Studio, body: Any) -> None:
    assert studio.app.test_client().post("/session", json=body, headers=PAGE).status_code == 400


def test_after_five_wrong_codes_no_other_is_heard_from_there(studio: Studio) -> None:
    client = studio.app.test_client()
    far = {"environ_base": FAR}
    assert [log_in(client, "wrong", **far).status_code for _ in range(6)] == [401] * 5 + [429]
    refused = log_in(client, new_code(studio.token), **far)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert log_in(client, new_code(studio.token)).status_code == 200, "from elsewhere it is"


def test_whom_a_proxy_here_speaks_for_cannot_lock_out_this_computer(studio: Studio) -> None:
    client = studio.app.test_client()
    for address in ("192.0.2.7", "192.0.2.8"):
        far = {"headers": PAGE | {"X-Forwarded-For": address}}
        wrong = [log_in(client, "wrong", **far).status_code for _ in range(6)]
    assert set(wrong) == {429}, "who they are only the proxy knows, so they count as one"
    assert log_in(client, new_code(studio.token)).status_code == 200


def test_with_the_cookie_one_may_look_from_afar_and_change_by_a_page_of_the_bridge(studio: Studio) -> None:
    client = logged_in(studio)
    assert client.get("/queue/stats", environ_base=FAR).status_code == 200
    assert client.post("/queue/pause", environ_base=FAR, headers=PAGE).status_code == 200
    refused = client.post("/queue/pause", environ_base=FAR)
    assert (refused.status_code, refused.get_json()["code"]) == (401, "no_token")
    assert client.get("/job/next").status_code == 401, "a link can have a browser do this"
    for foreign in ("https://evil.example", "http://localhost:3000", "null"):
        assert client.post("/queue/pause", headers={"Origin": foreign}).status_code == 403


def test_the_cookie_is_worth_nothing_with_another_token(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = logged_in(studio).get_cookie("junmai_jobs")
    assert cookie
    monkeypatch.setenv("JUNMAI_TOKEN", "another token of this length")
    other = app_of(create_blueprint(studio.jobs)).test_client()
    for value in (cookie.value, cookie.value[:-1], "", "x.y.z", "é"):
        other.set_cookie("junmai_jobs", value)
        assert other.post("/queue/pause", headers=PAGE).status_code == 401
        assert other.get("/session").get_json()["may_change"] is False


def test_without_a_token_this_computer_may_change_all_and_nobody_else_is_answered(studio: Studio) -> None:
    client = app_of(create_blueprint(studio.jobs, auth="local")).test_client()
    assert client.get("/session").get_json() == {"auth": "local", "may_change": True}
    assert client.post("/session", json={"code": "x"}).get_json()["code"] == "no_code"
    for path in ("/session", "/", "/queue/stats"):
        assert client.get(path, environ_base=FAR).get_json()["code"] == "not_local"
        by_a_proxy = client.get(path, headers={"X-Forwarded-For": "192.0.2.7"})
        assert by_a_proxy.get_json()["code"] == "not_local"


def test_the_bridge_of_a_host_takes_what_it_is_told_beside_the_configuration(studio: Studio) -> None:
    app = app_of(create_blueprint(studio.jobs, origins=["https://photos.example"]))
    headers = {"Origin": "https://photos.example", "Authorization": f"Bearer {studio.token}"}
    answer = app.test_client().post("/queue/pause", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://photos.example"
