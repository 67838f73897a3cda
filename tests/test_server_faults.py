"""A server that cannot work just now: whoever calls it waits, within patience, and then says why."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis

from junmai_jobs.connection import Link
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.keys import Keys
from junmai_jobs.scripts import load
from tests.conftest import StartServer
from tests.crossing import KINDS, linked
from tests.servers import RedisProcess
from tests.topologies import is_linked
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import Journal, WorkerProcess, queue_on

if TYPE_CHECKING:
    from pathlib import Path

pause, PREFIX = load("pause"), Keys.of("n").prefix


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def through(link: Link) -> Any:
    return link.run(pause, PREFIX, ())


def stands_through(server: RedisProcess, kind: str, said: str, end: Callable[[], object]) -> None:
    """One who is patient waits until the fault's end; one who is not learns what it is."""
    with linked(kind, server, patience=60.0) as patient, ThreadPoolExecutor() as pool:
        waiting = pool.submit(through, patient)
        try:
            with linked(kind, server, patience=0.2) as hasty, pytest.raises(StoreUnavailable, match=said):
                through(hasty)
            assert not waiting.done()
        finally:
            end()
        assert waiting.result(60) == [b"OK"]


def test_a_server_that_still_loads(redis_process: StartServer, kind: str) -> None:
    server = redis_process()
    with server.client() as client, client.pipeline(transaction=False) as pipeline:
        for number in range(40_000):
            pipeline.set(f"key-{number}", number)
        pipeline.execute()
    server.kill()
    server.options = (*server.options, "--key-load-delay", "200")
    with ThreadPoolExecutor() as pool:
        started = pool.submit(server.start)
        wait_until(lambda: asked(server) == "LOADING", what="the server to load")
        stands_through(server, kind, "still loading", lambda: hurry(server))
        started.exception(60)  # it does not wait long itself


def hurry(server: RedisProcess) -> None:
    """Have a server load as fast as it can."""
    with server.client() as client:
        client.execute_command("CONFIG", "SET", "key-load-delay", "0")


def asked(server: RedisProcess) -> str:
    """The word of the error that a server answers with; nothing where it is well, or not there."""
    with suppress(redis.ConnectionError), server.client() as client:
        try:
            client.get("any")
        except redis.ResponseError as error:
            return str(error).partition(" ")[0]
        except redis.BusyLoadingError:
            return "LOADING"
    return ""


def test_somebodys_endless_script(redis_process: StartServer, kind: str) -> None:
    server = redis_process("--busy-reply-threshold", "50")
    with ThreadPoolExecutor() as pool:
        endless = pool.submit(run_for_ever, server)
        wait_until(lambda: asked(server) == "BUSY", what="the server to be busy")
        stands_through(server, kind, "cannot work: BUSY", lambda: kill_script(server))
        endless.result(60)


def run_for_ever(server: RedisProcess) -> None:
    with server.client(socket_timeout=60) as client, suppress(redis.ResponseError):
        client.eval("while true do end", 0)


def kill_script(server: RedisProcess) -> None:
    with server.client() as client:
        client.script_kill()


@pytest.fixture
def replica(redis_process: StartServer) -> tuple[RedisProcess, RedisProcess]:
    """A primary and its replica."""
    primary, replica = redis_process("--repl-diskless-sync-delay", "0"), redis_process()
    with replica.client() as client:
        client.replicaof("127.0.0.1", str(primary.port))
    wait_until(lambda: is_linked(replica), what="the replica")
    return primary, replica


def promote(server: RedisProcess) -> None:
    with server.client() as client:
        client.replicaof("NO", "ONE")


def test_a_replica_that_is_to_take_over(replica: tuple[RedisProcess, RedisProcess], kind: str) -> None:
    stands_through(replica[1], kind, "READONLY|read only", lambda: promote(replica[1]))


def test_a_replica_that_has_lost_its_primary(replica: tuple[RedisProcess, RedisProcess], kind: str) -> None:
    primary, cut_off = replica
    with cut_off.client() as client:
        client.config_set("replica-serve-stale-data", "no")
    primary.kill()
    wait_until(lambda: asked(cut_off) == "Link", what="the replica to notice")
    stands_through(cut_off, kind, "MASTER is down|read only", lambda: promote(cut_off))


@contextmanager
def again_and_again(server: RedisProcess, *command: str) -> Iterator[list[tuple[float, Any]]]:
    """Have an administrator give a command ten times a second; when it did, and the replies."""
    over, given = threading.Event(), list[tuple[float, Any]]()

    def repeat() -> None:
        with server.client() as client:
            while not over.wait(0.1):
                moment = time.time()
                given.append((moment, client.execute_command(*command)))

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield given
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "command", [("CLIENT", "KILL", "TYPE", "normal"), ("FUNCTION", "FLUSH")], ids=" ".join
)
def test_under_load_nobody_notices(
    redis_process: StartServer, tmp_path: Path, command: tuple[str, ...]
) -> None:
    server, journal = redis_process(), Journal(tmp_path / "journal")
    worker = WorkerProcess(server, tmp_path / "worker", ("--concurrency", "2", "--grace", "2")).start()
    try:
        with closing(queue_on(server, tmp_path / "home")) as jobs, again_and_again(server, *command) as given:
            handles = [jobs.submit(tasks.take_time, str(journal), 0.01) for _ in range(150)]
            for handle in handles:
                handle.result(timeout=60)
            histories = [[entry["event"] for entry in handle.job().history] for handle in handles]
    finally:
        worker.stop()
    assert histories == [["succeeded"]] * len(handles)
    assert len(journal.runs()) == len(handles)
    first, *_, last = sorted(run.time for run in journal.runs())
    assert sum(first < moment < last and bool(done) for moment, done in given) >= 3
