"""``junmai-jobs metrics``: once as text or JSON, and served."""

from __future__ import annotations

import json
import signal
import socket
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.bridge.serving import ask
from tests.command_line import in_namespace
from tests.scrapes import read
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.command_line import CommandLine
    from tests.conftest import StartServer
    from tests.forks import Forks

Served = tuple["subprocess.Popen[str]", int]


@pytest.fixture
def serve(cli: CommandLine) -> Iterator[Callable[..., Served]]:
    """Starts it on any port that is free; all are ended with the test."""
    begun: list[subprocess.Popen[str]] = []

    def start(*options: str, at: CommandLine = cli) -> Served:
        process = at.start("metrics", "--serve", "--port", "0", "--json", *options)
        begun.append(process)
        assert process.stdout
        line = process.stdout.readline()
        assert line, at.finish(process)
        return process, int(urlsplit(json.loads(line)["url"]).port or 0)

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_once_as_text_and_as_json(cli: CommandLine) -> None:
    cli.json("submit", "add", "1")
    found = read(cli.run("metrics").out)
    assert found["junmai_queue_depth", "default", "queued"] == 1
    assert found["junmai_jobs_total", "succeeded", "add"] == 0
    document = cli.json("metrics")
    samples = {
        (sample["name"], *(value for _, value in sorted(sample["labels"].items()))): sample["value"]
        for metric in document["metrics"]
        for sample in metric["samples"]
    }
    assert samples.keys() == found.keys()
    assert {metric["type"] for metric in document["metrics"]} == {"gauge", "counter", "histogram"}
    assert all(metric["help"] for metric in document["metrics"])


def test_served_it_counts_from_its_beginning(cli: CommandLine, serve: Callable[..., Served]) -> None:
    process, port = serve()
    cli.json("submit", "add", "1")
    assert cli.run("worker", "--burst", "--concurrency", "1").code == 0

    def ended() -> float:
        return read(ask(port, "GET", "/metrics").body.decode())["junmai_jobs_total", "succeeded", "add"]

    wait_until(lambda: ended() == 1, what="the end to be counted")
    assert ended() == 1
    process.send_signal(signal.SIGTERM)
    done = cli.finish(process)
    assert (done.code, done.err) == (0, "")


def test_ctrl_c_ends_it(cli: CommandLine, serve: Callable[..., Served]) -> None:
    process, _ = serve()
    process.send_signal(signal.SIGINT)
    assert cli.finish(process).code == 0


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9510", 200), ("localhost", 200), ("[::1]:80", 200), ("192.168.0.7:9510", 200),
        ("studio.example:9510", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("[", 421),
        ("", 421),
    ],
)  # fmt: skip
def test_it_is_asked_by_its_own_names(
    cli: CommandLine, serve: Callable[..., Served], host: str, status: int
) -> None:
    (cli.home / "config.json").write_text(json.dumps({"bridge": {"hosts": ["studio.example"]}}), "utf-8")
    try:
        _, port = serve()
        answer = ask(port, "GET", "/metrics", Host=host)
        assert answer.status == status
        assert (b"junmai_" in answer.body) == (status == 200)
    finally:
        (cli.home / "config.json").unlink()


def test_who_is_slow_or_goes_away_is_let_go_without_a_word(
    cli: CommandLine, serve: Callable[..., Served]
) -> None:
    process, port = serve()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as silent:
        silent.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gone.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ask(port, "GET", "/metrics").status == 200
        assert silent.recv(1) == b"", "its connection is ended"
    process.send_signal(signal.SIGTERM)
    assert cli.finish(process).err == ""


def test_served_before_and_without_its_server(
    redis_process: StartServer, tmp_path: Path, forks: Forks, serve: Callable[..., Served]
) -> None:
    server = redis_process()
    server.kill()
    cli = in_namespace(tmp_path / "home", tmp_path / "cwd", forks).having(JUNMAI_REDIS_URL=server.url)
    _, port = serve(at=cli)

    def up() -> Any:
        answer = ask(port, "GET", "/metrics")
        assert answer.status == 200
        return read(answer.body.decode())["junmai_server_up",]

    assert up() == 0
    server.start()
    wait_until(up, what="the server to be found")
    server.kill()
    assert up() == 0
    done = cli.run("metrics")
    assert (done.code, done.err.count("\n")) == (69, 1)


def test_what_cannot_be_is_told_in_a_line(cli: CommandLine, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = cli.run("metrics", "--serve", "--port", port)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert f"cannot listen at 127.0.0.1, port {port}" in done.err
    assert cli.run("metrics", "--port", str(free_port())).code == 2
    (tmp_path / "prometheus_client.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'prometheus_client'\", name='prometheus_client')"
    )
    done = cli.having(PYTHONPATH=str(tmp_path)).run("metrics")
    assert done.code == 1
    assert done.err == 'Error: prometheus_client is missing: pip install "junmai-jobs[metrics]"\n'
