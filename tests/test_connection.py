"""The two links, where the server is silent."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.keys import Keys
from junmai_jobs.scripts import load

if TYPE_CHECKING:
    from tests.conftest import StartServer

pause, PREFIX = load("pause"), Keys.of("n").prefix


@pytest.mark.parametrize("kind", [ClientLink, DedicatedLink])
def test_a_server_that_falls_silent_is_given_up_in_time(
    redis_process: StartServer, kind: type[ClientLink | DedicatedLink]
) -> None:
    server = redis_process()
    link = kind(server, patience=0.1, socket_timeout=0.3)
    assert link.run(pause, PREFIX, ()) == [b"OK"]
    server.pause()
    begin = time.monotonic()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        link.run(pause, PREFIX, ())
    assert time.monotonic() - begin < 20
    server.resume()
    assert link.run(pause, PREFIX, ()) == [b"OK"]


@pytest.mark.parametrize("kind", [ClientLink, DedicatedLink])
def test_a_library_that_goes_between_being_loaded_and_called(
    redis_process: StartServer, kind: type[ClientLink | DedicatedLink]
) -> None:
    server = redis_process()
    link, over = kind(server, patience=60), threading.Event()

    def flush() -> None:
        with server.client() as client:
            while not over.is_set():
                client.function_flush()

    with ThreadPoolExecutor() as pool:
        flushing = pool.submit(flush)
        try:
            assert all(link.run(pause, PREFIX, ()) == [b"OK"] for _ in range(5))
        finally:
            over.set()
    flushing.result()


def test_a_restarted_server_is_back_for_who_has_many_idle_connections(redis_process: StartServer) -> None:
    server = redis_process()
    link = ClientLink(server, patience=0.5)
    for reply in [link.begin(pause, PREFIX, ()) for _ in range(12)]:  # all at once: each has a connection
        assert reply() == [b"OK"]
    server.kill()
    server.start()
    assert link.run(pause, PREFIX, ()) == [b"OK"]
