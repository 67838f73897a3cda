"""``serve`` as a process, and what it makes of a connection that is no good."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.bridge import serving
from junmai_jobs.tasks.lightroom import lightroom_apply
from tests.bridge.live import served
from tests.bridge.serving import Serve, ask, connect, exchange, rest_of
from tests.command_line import CommandLine, Done
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.bridge.studio import Studio

MIB = 1 << 20
CHOSEN = "correct-horse-battery"
"""A token."""


# ---- as a process --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_at_once_when_asked_to_also_while_somebody_follows_a_stream(
    cli: CommandLine, how: signal.Signals
) -> None:
    with Serve(cli) as serve, connect(serve.port) as follower:
        assert ask(serve.port, "GET", "/readyz").status == 200  # the embedded server was started
        follower.sendall(b"GET /queue/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in follower.recv(65_536)
        asked = time.monotonic()
        serve.process.send_signal(how)
        done = serve.finish()
        assert (done.code, done.err) == (0, "")
        assert time.monotonic() - asked < 3, "a second, and what a busy machine takes"


def test_it_tells_where_it_is_and_how_one_may_change_something(cli: CommandLine) -> None:
    with Serve(cli) as serve:
        assert serve.told["urls"] == [f"http://127.0.0.1:{serve.port}/"]
        assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", serve.told["code"])
        token = (cli.home / "bridge-token").read_text()
        assert serve.told["token"] == str(cli.home / "bridge-token")
        assert ask(serve.port, "POST", "/queue/pause").status == 401
        assert ask(serve.port, "POST", "/queue/pause", Authorization=f"Bearer {token}").status == 200
        told = time.time()
        wait_until(lambda: int(time.time()) > told, what="the next second, which has another code")
        for code in (serve.told["code"], cli.json("serve", "--code")["code"]):
            answer = ask(serve.port, "POST", "/session", body={"code": code})
            assert answer.status == 200
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            assert ask(serve.port, "GET", "/session", Cookie=cookie).document["may_change"] is True
        serve.process.terminate()
        assert serve.finish() == Done(0, "", ""), "nothing is logged"


def test_a_person_is_told_the_same(cli: CommandLine) -> None:
    process = cli.start("serve", "--port", "0")
    assert process.stdout
    shown = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert cli.finish(process).code == 0
    assert re.fullmatch(r"Junmai Jobs serves at http://127\.0\.0\.1:\d+/ - stop it with Ctrl-C\n", shown[0])
    assert re.search(r": [2-9A-Z]{4}-[2-9A-Z]{4} - another: junmai-jobs serve --code", shown[1])
    assert str(cli.home / "bridge-token") in shown[2]


def test_a_token_of_the_environment_is_in_no_output(cli: CommandLine) -> None:
    with Serve(cli.having(JUNMAI_TOKEN=CHOSEN)) as serve:
        assert "JUNMAI_TOKEN" in serve.told.values()
        given = {"Authorization": f"Bearer {CHOSEN}"}
        assert ask(serve.port, "POST", "/queue/pause", **given).status == 200
        serve.process.terminate()
        assert "horse" not in repr(serve.finish()) + json.dumps(serve.told)


def test_a_phone_asks_for_an_address_of_this_computer(cli: CommandLine) -> None:
    (cli.home / "config.json").write_text('{"bridge": {"hosts": ["studio.local"]}}')
    try:
        with Serve(cli, "--host", "0.0.0.0") as serve:  # noqa: S104 - it is what a phone needs
            assert ask(serve.port, "GET", "/queue/stats", Host="127.0.0.1").status == 200
            for host in (f"192.0.2.7:{serve.port}", f"studio.local:{serve.port}"):
                assert ask(serve.port, "GET", "/", Host=host).status == 200
                assert ask(serve.port, "GET", "/queue/stats", Host=host).status == 401
            refused = ask(serve.port, "GET", "/", Host="evil.example")
            assert (refused.status, refused.document["code"]) == (421, "host_not_allowed")
            assert "add that to bridge.hosts" in refused.document["error"]
    finally:
        (cli.home / "config.json").unlink()


def test_without_a_token_it_listens_to_this_computer_alone(cli: CommandLine) -> None:
    file = cli.folder / "config.json"
    file.write_text('{"bridge": {"auth": "local"}}')
    done = cli.run("--config", str(file), "serve", "--port", "0", "--host", "::")
    assert (done.code, done.out) == (2, "")
    assert "bridge.auth is local" in done.err
    assert cli.run("--config", str(file), "serve", "--code").code == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "192.0.2.7"], "cannot listen at 192.0.2.7"),
        (["--host", "no host"], "bridge.host must be a host name"),
        (["--port", "70000"], "70000"),
    ],
)
def test_an_address_that_cannot_be_had(cli: CommandLine, options: list[str], told: str) -> None:
    done = cli.run("serve", *options)
    assert done.code in {1, 2}
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_port_that_is_taken(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cli.run("serve", "--port", str(taken.getsockname()[1]))
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(r"Error: cannot listen at 127\.0\.0\.1, port \d+: .* --host, --port\n", done.err)


# ---- bodies and connections ----------------------------------------------------------------------


def head(studio: Studio, *lines: str) -> bytes:
    first = ("POST /queue/submit HTTP/1.1", "Host: localhost", f"Authorization: Bearer {studio.token}")
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(studio: Studio) -> None:
    body = b'{"photo_id": 1, "config": {"a": "' + b"x" * MIB + b'"}}'
    said = head(studio, f"Content-Length: {len(body)}") + body
    chunked = head(studio, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with served(studio.app) as port:
        for request in (said, chunked):
            answer = exchange(port, request)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b'"code":"too_large"' in answer


def test_a_body_in_chunks_is_read(studio: Studio) -> None:
    body = b'{"photo_id": %d}' % studio.photos[0]
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with served(studio.app) as port:
        answer = exchange(port, head(studio, "Transfer-Encoding: chunked") + chunks)
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"5\r\nabc", b"-1\r\n\r\n", b"1\r\nab\r\n0\r\n\r\n"])
def test_chunks_that_are_none(studio: Studio, chunks: bytes) -> None:
    with served(studio.app) as port, connect(port) as connection:
        connection.sendall(head(studio, "Transfer-Encoding: chunked") + chunks)
        connection.shutdown(socket.SHUT_WR)
        assert rest_of(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 22, 22",),
        ("Content-Length: 22", "Content-Length: 22"),
        ("Content-Length: +22",),
        ("Content-Length: -22",),
        ("Content-Length: 0x16",),
        ("Content-Length: " + "0" * 5000 + "22",),
        ("Content-Length:",),
        ("Content-Length: 22", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding:\r\n chunked",),
        ("no header", "Content-Length: 22"),
        ("X-Text: a\r\rContent-Length: 22", "Content-Length: 22"),
    ],
    ids=lambda lines: repr(lines)[:50],
)
def test_a_body_that_would_be_overlooked_is_refused(studio: Studio, lines: tuple[str, ...]) -> None:
    """Without one every queue is emptied, not the one that it names."""
    waits = studio.jobs.submit(lightroom_apply, photo_id=1, config={})
    request = head(studio, *lines).replace(b"/queue/submit", b"/queue/purge")
    with served(studio.app) as port:
        answer = exchange(port, request + b'{"queue_name": "none"}')
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "bad_request"
    assert studio.jobs.job(waits.id).status == "queued"


@pytest.mark.parametrize("line", ["no header", "X-Text : a", "X-Text: a\r\rb"])
def test_no_line_hides_the_headers_behind_it(studio: Studio, line: str) -> None:
    lines = ("GET /queue/stats HTTP/1.1", "Host: localhost", line, "X-Forwarded-For: 192.0.2.7", "", "")
    with served(studio.app) as port:
        assert exchange(port, "\r\n".join(lines).encode()).startswith(b"HTTP/1.1 400 ")


def test_a_request_that_names_no_host_is_refused(studio: Studio) -> None:
    with served(studio.app) as port:
        assert exchange(port, b"GET /queue/stats HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_who_waits_to_be_told_to_send_the_body_is_told_once_and_has_time_for_it(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_REST_WITHIN", 0.0)  # of a body that nobody wants any more
    body = b'{"photo_id": %d}' % studio.photos[0]
    with served(studio.app) as port, connect(port) as connection:
        connection.sendall(head(studio, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert rest_of(connection).startswith(b"HTTP/1.1 200 ")


def test_nobody_is_sent_elsewhere(studio: Studio) -> None:
    with served(studio.app) as port:
        assert ask(port, "GET", "/assets//app.js", Host="evil.example").status in {404, 421}


def test_what_follows_a_body_that_nobody_has_read_is_no_request(studio: Studio) -> None:
    """A refused body that looks like a request, as when a page of another site has a browser send it."""
    inner = head(studio, "Content-Length: 0")
    outer = b"POST /queue/pause HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
    outer += b"Content-Length: %d\r\n\r\n" % len(inner)
    with served(studio.app) as port:
        answer = exchange(port, outer + inner)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET", 400),
        (b"GET /x HTTP/1.1 more", 400),
        (b"GET http://[/x HTTP/1.1", 400),
        (b"GET /x HTTP/9.0", 505),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1", 414),
        (b"GET / HTTP/1.1\r\n" + b"\r\n".join(b"X-%d: 1" % n for n in range(200)), 431),
        (b"BREW /queue/stats HTTP/1.1", 405),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_request_is_told_so_in_the_usual_way(
    studio: Studio, request_line: bytes, status: int
) -> None:
    with served(studio.app) as port:
        answer = exchange(port, request_line + b"\r\nHost: localhost\r\n\r\n")
    first, _, body = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body).keys() == {"error", "code"}
    assert b"Python" not in first


def test_a_request_has_a_limited_time_to_arrive_however_it_trickles(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "ARRIVES_WITHIN", 0.5)
    with served(studio.app) as port, connect(port) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        slow.settimeout(0.02)
        ended = False

        def trickled() -> bool:
            nonlocal ended
            try:
                slow.sendall(b"X-More: yes\r\n")
                ended = slow.recv(1) == b""
            except TimeoutError:
                pass
            except OSError:
                ended = True
            return ended

        wait_until(trickled, what="the server to end it")
        assert ask(port, "GET", "/healthz").status == 200


def test_who_comes_while_too_many_are_connected_is_told_to_come_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)
    with served(studio.app) as port:
        with connect(port) as follower:
            follower.sendall(b"GET /queue/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in follower.recv(65_536)
            for _ in range(40):
                answer = ask(port, "GET", "/healthz")
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert answer.document["code"] == "unavailable"
        submit_until_seen(studio, port)


def test_other_computers_cannot_keep_this_one_out(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)
    with served(studio.app) as port, contextlib.ExitStack() as stack:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(serving, "is_loopback", lambda _: False)  # as if it were one of them
            follower = stack.enter_context(connect(port))  # it is asked while it is accepted
            follower.sendall(b"GET /queue/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in follower.recv(65_536)
            assert ask(port, "GET", "/healthz").status == 503
        assert ask(port, "GET", "/healthz").status == 200


def test_a_thread_that_cannot_be_had_costs_one_connection_and_no_place(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)
    with served(studio.app) as port:
        with monkeypatch.context() as scarce:
            scarce.setattr(threading.Thread, "start", start)
            with contextlib.suppress(ConnectionError):
                assert exchange(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        assert ask(port, "GET", "/healthz").status == 200


def submit_until_seen(studio: Studio, port: int) -> None:
    """The follower that has gone is noticed when it is told something."""

    def answered() -> bool:
        studio.jobs.submit(lightroom_apply, photo_id=1, config={})
        return ask(port, "GET", "/healthz").status == 200

    wait_until(answered, timeout=30, what="room for a connection")
