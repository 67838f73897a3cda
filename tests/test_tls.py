"""A server behind TLS: who it is must be proven, and nothing is ever said in the clear instead."""

from __future__ import annotations

import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.keys import Keys
from junmai_jobs.scripts import load
from junmai_jobs.server import Server
from tests.certificates import Authority, Identity
from tests.servers import RedisProcess, free_port, server_binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.command_line import CommandLine

    StartTLS = Callable[..., str]

SECRET = "hunter2"  # noqa: S105 - of nothing
HELLO = b"\x16"
"""What every line through TLS begins with: a handshake."""
pause, PREFIX = load("pause"), Keys.of("n").prefix


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def start(authority: Authority, tmp_path: Path) -> Iterator[StartTLS]:
    """Starts a server that speaks TLS alone, as this identity; gives the rest of its address."""
    started: list[RedisProcess] = []

    def start(identity: Identity, *, clients: str = "no") -> str:
        port = free_port()
        tls = (
            "--port", "0", "--tls-port", str(port), "--tls-auth-clients", clients,
            "--tls-cert-file", str(identity.certificate), "--tls-key-file", str(identity.key),
            "--tls-ca-cert-file", str(authority.certificate),
        )  # fmt: skip
        server = SecureProcess(tmp_path, port=port, options=tls)
        started.append(server)
        server.start()
        return f"127.0.0.1:{port}/0?ssl_ca_certs={authority.certificate}"

    yield start
    for server in started:
        server.stop()


class SecureProcess(RedisProcess):
    """One that is up as soon as it says so."""

    def answers(self) -> bool:
        return "Ready to accept connections" in (self.folder / "server.log").read_text()


def refusal(url: str, home: Path) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        Server(url, home).check()
    return str(caught.value)


@contextmanager
def listening(identity: Identity | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """An address, and all that is first said to it, through TLS to whoever has an identity; then it hangs up.

    What was heard is whole at the end.
    """
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if identity:
        context.load_cert_chain(identity.certificate, identity.key)

    class Ear(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) if identity else self.request as line,
            ):
                heard.append(line.recv(65_536))

    with socketserver.TCPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"rediss://:{SECRET}@127.0.0.1:{server.server_address[1]}/0", heard
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_proves_who_it_is(start: StartTLS, authority: Authority, tmp_path: Path) -> None:
    server = Server(f"rediss://{start(authority.vouch_for('good', 'IP:127.0.0.1'))}", tmp_path)
    server.check()
    link = DedicatedLink(server)
    assert link.run(pause, PREFIX, ()) == [b"OK"]
    link.close()
    ordinary = ClientLink(server)
    assert ordinary.run(pause, PREFIX, ()) == [b"OK"]
    ordinary.client.close()


def test_a_server_that_only_says_who_it_is(start: StartTLS, authority: Authority, tmp_path: Path) -> None:
    place = start(authority.vouch_for("good", "IP:127.0.0.1")).partition("?")[0]
    assert "a certificate that proves nothing: " in refusal(f"rediss://{place}", tmp_path)
    stranger = Authority(tmp_path / "strangers", "stranger").certificate
    assert "proves nothing" in refusal(f"rediss://{place}?ssl_ca_certs={stranger}", tmp_path)


def test_a_server_that_is_somebody_else(start: StartTLS, authority: Authority, tmp_path: Path) -> None:
    place = start(authority.vouch_for("other", "other.example"))
    assert "IP address mismatch" in refusal(f"rediss://{place}", tmp_path)


def test_nothing_is_said_in_the_clear(start: StartTLS, authority: Authority, tmp_path: Path) -> None:
    with listening() as (url, heard):
        assert "we do not agree on TLS" in refusal(url, tmp_path)
    assert heard
    assert all(said.startswith(HELLO) and SECRET.encode() not in said for said in heard)
    place = start(authority.vouch_for("good", "IP:127.0.0.1")).partition("?")[0]
    assert "cannot be reached" in refusal(f"redis://{place}", tmp_path)
    plain = RedisProcess(tmp_path)
    try:
        address = plain.start().url.removeprefix("redis://")
        assert "cannot be reached" in refusal(f"rediss://{address}", tmp_path)
    finally:
        plain.stop()


@pytest.mark.parametrize(
    ("host", "known", "why"),
    [
        ("IP:127.0.0.1", True, "cannot be reached"),
        ("IP:127.0.0.1", False, "proves nothing"),
        ("other.example", True, "IP address mismatch"),
    ],
    ids=["proven", "unknown", "somebody else"],
)
def test_nothing_is_said_before_it_is_proven_to_whom(
    authority: Authority, tmp_path: Path, host: str, *, known: bool, why: str
) -> None:
    with listening(authority.vouch_for("asked", host)) as (url, heard):
        assert why in refusal(f"{url}?ssl_ca_certs={authority.certificate}" if known else url, tmp_path)
    assert bool(heard) is (why == "cannot be reached")
    assert all(SECRET.encode() in said for said in heard)


def test_a_server_that_asks_who_we_are(start: StartTLS, authority: Authority, tmp_path: Path) -> None:
    place = start(authority.vouch_for("good", "IP:127.0.0.1"), clients="yes")
    assert "we do not agree on TLS" in refusal(f"rediss://{place}", tmp_path)
    us = authority.vouch_for("us", "worker.example")
    Server(f"rediss://{place}&ssl_certfile={us.certificate}&ssl_keyfile={us.key}", tmp_path).check()


def test_the_command_says_it_in_one_line(start: StartTLS, authority: Authority, cli: CommandLine) -> None:
    place = start(authority.vouch_for("good", "IP:127.0.0.1"))
    assert cli.run("stats", "--redis", f"rediss://{place}").code == 0
    done = cli.run("stats", "--redis", f"rediss://{place.partition('?')[0]}")
    assert (done.code, done.out, done.err.count("\n")) == (69, "", 1)
    assert "proves nothing: self-signed certificate" in done.err


def test_sentinels_behind_tls(start: StartTLS, authority: Authority, tmp_path: Path) -> None:
    identity = authority.vouch_for("good", "IP:127.0.0.1")
    place = start(identity)
    port, file = free_port(), tmp_path / "sentinel.conf"
    file.write_text(
        f"port 0\ntls-port {port}\ntls-replication yes\ntls-auth-clients no\ndir {tmp_path}\n"
        f"tls-cert-file {identity.certificate}\ntls-key-file {identity.key}\n"
        f"tls-ca-cert-file {authority.certificate}\n"
        f"sentinel monitor darkroom 127.0.0.1 {place.partition('/')[0].partition(':')[2]} 1\n"
    )
    with (tmp_path / "sentinel.log").open("ab") as log:
        process = subprocess.Popen([server_binary(), str(file), "--sentinel"], stdout=log, stderr=log)
    try:
        wait_until(lambda: "monitor master" in (tmp_path / "sentinel.log").read_text(), what="the sentinel")
        url = f"rediss+sentinel://127.0.0.1:{port}/darkroom/0"
        Server(f"{url}?ssl_ca_certs={authority.certificate}", tmp_path).check()
        assert "sentinels answers" in refusal(url, tmp_path)
    finally:
        process.kill()
        process.wait()
