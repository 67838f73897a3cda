"""An import that is killed has done nothing, and is made again; an export that is killed leaves no file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.archive import HEAD
from junmai_jobs.archive_reader import ArchiveError
from junmai_jobs.commands.app import INTERRUPTED
from junmai_jobs.config import load_config
from junmai_jobs.errors import InvalidState, StoreUnavailable
from junmai_jobs.keeping import import_from
from junmai_jobs.keys import Keys
from tests.homes import in_home
from tests.waiting import wait_until
from tests.worker.tasks import quick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import RedisProcess

COUNT = 10_000


@pytest.fixture(scope="module")
def file(server: RedisProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of very many jobs."""
    folder = tmp_path_factory.mktemp("export")
    with closing(queue(server, folder, "full")) as jobs:
        jobs.submit_many(quick, ((number,) for number in range(COUNT)))
        assert jobs.export_to(folder / "jobs.gz").jobs == COUNT
    return folder / "jobs.gz"


@pytest.fixture
def there(server: RedisProcess, tmp_path: Path, file: Path) -> Iterator[JobQueue]:
    """Where it is to be imported."""
    with server.client() as admin:
        admin.flushall()
    with closing(queue(server, tmp_path, "there")) as jobs:
        yield jobs


def queue(server: RedisProcess, home: Path, namespace: str) -> JobQueue:
    return JobQueue(server.url, namespace=namespace, config=load_config(environ=in_home(home)))


def command(server: RedisProcess, home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    line = [
        sys.executable,
        "-m",
        "junmai_jobs.cli",
        "--redis",
        server.url,
        "--namespace",
        "there",
        *arguments,
    ]
    return subprocess.Popen(line, env=os.environ | in_home(home), stderr=subprocess.DEVNULL)


def staged(admin: Any) -> int:
    """How many jobs are written aside."""
    return int(admin.hlen(f"{Keys.of('there').staging}bodies"))


def visible(admin: Any) -> list[bytes]:
    """The keys that anybody looks at."""
    return [key for key in admin.scan_iter("{there}:*") if not key.startswith(b"{there}:import:")]


def test_killed_in_the_middle_it_has_done_nothing_and_is_made_again(
    server: RedisProcess, there: JobQueue, tmp_path: Path, file: Path
) -> None:
    with server.client() as admin:
        process = command(server, tmp_path, "import", str(file))
        wait_until(lambda: staged(admin) > COUNT // 4, what="a part of it to be written")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert COUNT // 4 < staged(admin) < COUNT
        assert visible(admin) == []
        again = command(server, tmp_path, "import", str(file))
        assert again.wait(60) == 0
        assert staged(admin) == 0
    assert there.stats()["jobs_by_status"]["queued"] == COUNT


def test_one_that_was_killed_gives_way_to_another(
    server: RedisProcess, there: JobQueue, tmp_path: Path, file: Path
) -> None:
    other = tmp_path / "other"
    with closing(queue(server, tmp_path, "small")) as jobs:
        jobs.submit_many(quick, [(7,)])
        jobs.export_to(other)
    with server.client() as admin:
        process = command(server, tmp_path, "import", str(file))
        wait_until(lambda: staged(admin) > COUNT // 4, what="a part of it to be written")
        process.send_signal(signal.SIGKILL)
        process.wait()
        with other.open("rb") as source:
            assert there.import_from(source).jobs == 1
        wait_until(lambda: staged(admin) == 0, what="what the other has left to be gone")
    assert there.stats()["total_pending"] == 1


def test_two_at_a_time_are_one_that_is_done_and_one_that_is_told(
    there: JobQueue, tmp_path: Path, server: RedisProcess, file: Path
) -> None:
    """The second begins while the first writes: what the first has written is thrown away."""
    other = tmp_path / "other"
    with closing(queue(server, tmp_path, "small")) as jobs:
        jobs.submit_many(quick, [(7,)])
        jobs.export_to(other)
    done: list[int] = []

    def begin_another(written: int, _of: int) -> None:
        if written > COUNT // 4 and not done:
            with other.open("rb") as source:
                done.append(there.import_from(source).jobs)

    with file.open("rb") as source, pytest.raises(InvalidState, match="another import"):
        import_from(source, there.broker, begin_another)
    assert done == [1]
    assert there.stats()["total_pending"] == 1


def test_a_server_that_goes_away_is_told_and_what_is_written_is_no_trouble(
    redis_process: Any, tmp_path: Path, file: Path
) -> None:
    own: RedisProcess = redis_process()
    with closing(queue(own, tmp_path, "there")) as jobs:

        def kill(written: int, _of: int) -> None:
            if written > COUNT // 4 and own.answers():
                own.kill()

        with file.open("rb") as source, pytest.raises(StoreUnavailable):
            import_from(source, jobs.broker, kill)
        own.start()
        with own.client() as admin:
            assert visible(admin) == []
        with file.open("rb") as source:
            assert jobs.import_from(source).jobs == COUNT
        assert jobs.stats()["total_pending"] == COUNT


def test_a_file_that_changes_while_it_is_read_is_noticed(there: JobQueue, tmp_path: Path) -> None:
    there.submit_many(quick, ((number,) for number in range(200)))
    path = tmp_path / "jobs"
    there.export_to(path)
    there.server.client().flushall()
    changed = path.read_bytes().replace(b'"score":', b'"score":1', 1)

    def change(_written: int, _of: int) -> None:
        path.write_bytes(changed)

    with path.open("rb", buffering=0) as source, pytest.raises(ArchiveError):
        import_from(source, there.broker, change)
    with there.server.client() as admin:
        assert list(admin.scan_iter("{there}:*")) == []


def test_an_export_that_is_killed_leaves_what_was_there(
    server: RedisProcess, there: JobQueue, tmp_path: Path, file: Path
) -> None:
    with file.open("rb") as source:
        there.import_from(source)
    target = tmp_path / "jobs.jsonl"
    target.write_bytes(before := HEAD + b"the last one")
    process = command(server, tmp_path, "export", str(target))
    wait_until(
        lambda: any(each.stat().st_size > 10**5 for each in tmp_path.glob(".junmai-*")), 30, "a part of it"
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert target.read_bytes() == before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_an_export_that_is_told_to_end_leaves_nothing(
    server: RedisProcess, there: JobQueue, tmp_path: Path, file: Path, name: str
) -> None:
    with file.open("rb") as source:
        there.import_from(source)
    (target := tmp_path / "out").mkdir()
    process = command(server, tmp_path, "export", str(target / "jobs.jsonl"))
    wait_until(lambda: any(target.iterdir()), what="the export to begin")
    process.send_signal(getattr(signal, name))
    assert process.wait(60) == INTERRUPTED
    assert list(target.iterdir()) == []


def test_an_import_that_is_told_to_end_leaves_nothing(
    server: RedisProcess, there: JobQueue, tmp_path: Path, file: Path
) -> None:
    with server.client() as admin:
        process = command(server, tmp_path, "import", str(file))
        wait_until(lambda: staged(admin) > 0, what="a part of it to be written")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == INTERRUPTED
        assert staged(admin) == 0
    assert there.stats()["total_pending"] == 0


def test_what_a_killed_export_has_left_goes_with_a_later_one(
    there: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (left := tmp_path / ".junmai-0123456789ab.tmp").touch()
    there.export_to(tmp_path / "file")
    assert left.exists(), "somebody may be at work on it"
    monkeypatch.setattr(time, "time", lambda: left.stat().st_ctime + 25 * 3600)
    there.export_to(tmp_path / "file")
    assert not left.exists()
