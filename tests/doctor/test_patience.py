"""The doctor comes to an end, whatever does not."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.config import load_config
from junmai_jobs.doctor import Patient, Unreachable, diagnose, server
from junmai_jobs.doctor.patience import within
from junmai_jobs.server import Server
from tests.homes import in_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def dripping() -> Iterator[int]:
    """The port of what sends a byte now and then, of an answer that never ends."""
    over = threading.Event()

    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    self.request.sendall(b"+")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.05,))
        thread.start()
        yield other.server_address[1]
        over.set()
        other.shutdown()
        thread.join()


def test_an_answer_that_never_ends(dripping: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FOR_A_CHECK", 1.0)
    config = load_config(environ=in_home(tmp_path))
    patient = Patient(config, Server(f"redis://127.0.0.1:{dripping}", tmp_path), "studio")
    found = {}

    def examine() -> None:
        for check in diagnose(lambda: patient):
            found[check.name] = check

    with pytest.raises(Unreachable, match=r"answers too slowly: it was not done within 0\.5 s"):
        examine()
    assert (found["server"].ok, found["server"].fix) == (False, f"lsof -i :{dripping}")
    assert found["home"].ok, "what needs no server is looked at all the same"


def test_what_does_not_end_is_left_to_itself() -> None:
    over = threading.Event()
    with pytest.raises(TimeoutError, match=r"not done within 0\.05 s"):
        within(0.05, over.wait)
    over.set()
    assert within(5, lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
