"""``junmai-jobs doctor`` as a person types it, and as a program reads it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from junmai_jobs.host import version
from junmai_jobs.scripts import library, library_name
from tests.command_line import CommandLine
from tests.homes import in_home
from tests.in_process import typed
from tests.servers import RedisProcess, free_port
from tests.waiting import wait_until
from tests.worker import tasks

ROOT = Path(__file__).parents[2]
TASKS = tasks.__name__
KEYS = ["name", "ok", "detail", "fix"]
Typed = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def doctor(redis_server: RedisProcess, tmp_path: Path) -> Typed:
    """Types the command; exit code, the checks by their names, and what stands on stderr."""

    def doctor(*arguments: str, **environment: str) -> tuple[int, dict[str, Any], str]:
        given = {"JUNMAI_REDIS_URL": redis_server.url} | environment
        done = typed(tmp_path / "home", "doctor", "--json", *arguments, **given)
        checks = json.loads(done.stdout)["checks"]
        assert all(list(check) == KEYS for check in checks)
        assert all(not check["fix"] for check in checks if check["ok"])
        return done.exit_code, {check["name"]: check for check in checks}, done.stderr

    return doctor


@pytest.fixture
def jobs(redis_server: RedisProcess, tmp_path: Path) -> Iterator[JobQueue]:
    config = load_config(environ=in_home(tmp_path / "home"))
    with closing(JobQueue(redis_server.url, config=config)) as jobs:
        yield jobs


def test_all_is_well(doctor: Typed) -> None:
    code, checks, err = doctor()
    assert (code, err) == (0, "")
    assert {check["ok"] for check in checks.values()} == {True}


def test_what_failed_is_named_on_stderr(doctor: Typed, redis_server: RedisProcess) -> None:
    with redis_server.client() as admin:
        admin.config_set("maxmemory-policy", "allkeys-lru")
        code, checks, err = doctor()
        assert (code, err) == (1, "Error: 1 check failed: eviction\n")
        assert doctor("--allow-eviction")[0] == 0
        admin.config_set("maxmemory-policy", "noeviction")
    assert [name for name, check in checks.items() if not check["ok"]] == ["eviction"]


def test_a_person_reads_words_not_colours(redis_server: RedisProcess, tmp_path: Path) -> None:
    home = tmp_path / "home"
    away = f"redis://127.0.0.1:{free_port()}"
    done = typed(home, "doctor", JUNMAI_REDIS_URL=redis_server.url)
    assert done.exit_code == 0
    assert all(line.split()[1] == "ok" for line in done.stdout.splitlines()[1:])
    done = typed(home, "doctor", JUNMAI_REDIS_URL=away)
    assert (done.exit_code, done.stderr.count("\n")) == (69, 1)
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("server ")] == ["FAILED"]
    assert "\nserver: type or set\n    start it as it was started before; " in done.stdout


def test_the_server_is_away(doctor: Typed) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    code, checks, err = doctor(JUNMAI_REDIS_URL=url)
    assert (code, err) == (
        69,
        f"Error: the server {url} cannot be reached: start it, or correct the address\n",
    )
    assert checks["server"]["ok"] is False
    assert checks["home"]["ok"] is True


def test_a_home_that_cannot_be_used(doctor: Typed, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, checks, err = doctor(JUNMAI_HOME=str(tmp_path / "file"), JUNMAI_REDIS_URL="")
    assert (code, "file/server cannot be used: " in err) == (69, True)
    assert checks["server"]["fix"] == "set JUNMAI_HOME to a folder of your own"
    assert (checks["server"]["ok"], checks["home"]["ok"], checks["roots"]["ok"]) == (False, False, True)


@pytest.mark.parametrize("content", ["{", '{"redis": {"uri": "x"}}', '{"processing": {"nice": "much"}}'])
def test_a_configuration_that_is_wrong(doctor: Typed, tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(content, "utf-8")
    code, checks, err = doctor("--config", str(file))
    assert (code, err) == (1, "Error: 1 check failed: configuration\n")
    assert f"{file}, line 1" in checks["configuration"]["detail"]
    assert checks.keys() == {"configuration", "cards"}


def test_modules_that_cannot_be_imported(doctor: Typed) -> None:
    code, checks, _ = doctor("--tasks", "no.such.module")
    assert (code, checks["modules"]["ok"]) == (1, False)
    assert "no tasks module 'no.such.module'" in checks["modules"]["detail"]


def test_a_fix_names_again_what_was_named(doctor: Typed, redis_server: RedisProcess, tmp_path: Path) -> None:
    (tmp_path / "my config.json").write_text("{}")
    named = ("--redis", redis_server.url, "--namespace", "wedding", "--tasks", TASKS)
    typed(tmp_path / "home", *named, "submit", "quick", "1")
    _, checks, _ = doctor(*named, "--config", str(tmp_path / "my config.json"))
    assert f" --config '{tmp_path}/my config.json' --tasks " in checks["workers"]["fix"]
    _, checks, _ = doctor(*named)
    assert checks["workers"]["fix"] == f"junmai-jobs {' '.join(named)} worker"
    _, checks, _ = doctor()
    assert checks["namespaces"]["fix"] == "junmai-jobs --namespace wedding worker"


def test_the_main_case(doctor: Typed, jobs: JobQueue, redis_server: RedisProcess, tmp_path: Path) -> None:
    """Jobs wait and nobody works; then somebody does; then it is killed in the middle of a job."""
    job = jobs.submit(tasks.wait_for_cancel, str(tmp_path / "journal"))
    code, checks, _ = doctor("--quick")
    assert (code, checks["workers"]["detail"]) == (1, "no worker is running for 1 waiting job")
    environment = {"JUNMAI_REDIS_URL": redis_server.url, "JUNMAI_TASKS": TASKS, "PYTHONPATH": str(ROOT)}
    cli = CommandLine(tmp_path / "home", tmp_path / "cwd", environment)
    worker = cli.start("worker", "--concurrency", "1")
    try:
        wait_until(lambda: job.status == "running", what="the job to run")
        code, checks, _ = doctor()
        assert code == 0, checks
        assert checks["workers"]["detail"].startswith("1 alive: ")
        assert checks["functions"]["detail"].startswith("1 in use")
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    with redis_server.client() as admin:  # two minutes later
        keys = jobs.inspector.keys
        for key in (keys.workers, keys.queue("default", "leases")):
            for member in admin.zrange(key, 0, -1):
                admin.zincrby(key, -120_000, member)
    code, checks, _ = doctor()
    assert "its process has ended" in checks["workers"]["detail"]
    told = checks["leases"]
    assert f"1 are over for longer than they last: {job.id} in default" in told["detail"]
    jobs.cancel(job.id)
    assert told["fix"] == "junmai-jobs worker"
    assert cli.run(*told["fix"].split()[1:], "--burst", "--lease", "1").code == 0
    assert doctor()[0] == 0


def test_the_docs_have_every_check(doctor: Typed) -> None:
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8").partition("## The checks")[2]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(doctor()[1])


# ---- the store -----------------------------------------------------------------------------------


@pytest.fixture
def broken(jobs: JobQueue, redis_server: RedisProcess) -> JobQueue:
    """Of three jobs one is in two homes, and one has lost its body."""
    with redis_server.client() as admin:
        first, second, _ = jobs.submit_many(tasks.quick, [(1,), (2,), (3,)])
        said = {
            "claimers": ["w/1"],
            "tasks": ["quick"],
            "version": version(),
            "library": library_name(library()),
        }
        jobs.broker.register("w", said)
        keys = jobs.inspector.keys
        admin.zadd(keys.queue("default", "scheduled"), {first.id: 4e12})
        admin.hdel(keys.bodies, second.id)
    return jobs


def test_broken_laws_are_counted_and_named(broken: JobQueue, doctor: Typed) -> None:
    code, checks, err = doctor()
    assert (code, "store" in err) == (1, True)
    store = checks["store"]
    assert store["fix"] == "junmai-jobs doctor --repair"
    assert "home 1 (first " in store["detail"]
    assert "orphan 1 (first " in store["detail"]
    assert "store" not in doctor("--quick")[1]


def test_the_plan_is_shown_and_nothing_is_done(
    broken: JobQueue, redis_server: RedisProcess, tmp_path: Path
) -> None:
    def everything() -> dict[str, object]:
        with redis_server.client() as admin:
            return {key: admin.dump(key) for key in admin.scan_iter("{junmai}:*")}

    before = everything()
    given = {"JUNMAI_REDIS_URL": redis_server.url}
    done = typed(tmp_path / "home", "doctor", "--repair", "--dry-run", **given)
    assert "orphan" in done.stdout
    found = json.loads(typed(tmp_path / "home", "doctor", "--repair", "--dry-run", "--json", **given).stdout)
    assert sorted(each["law"] for each in found["repairs"]) == ["home", "orphan"]
    assert all(list(each) == ["law", "where", "detail", "repair", "done"] for each in found["repairs"])
    assert {each["done"] for each in found["repairs"]} == {False}
    refused = typed(tmp_path / "home", "doctor", "--repair", **given)
    assert (refused.exit_code, "this needs --yes" in refused.stderr) == (2, True)
    assert everything() == before


def test_the_store_is_mended(broken: JobQueue, redis_server: RedisProcess, tmp_path: Path) -> None:
    given = {"JUNMAI_REDIS_URL": redis_server.url}
    done = typed(tmp_path / "home", "doctor", "--repair", "--yes", "--json", **given)
    found = json.loads(done.stdout)
    assert sorted(each["law"] for each in found["repairs"]) == ["home", "orphan"]
    assert {each["done"] for each in found["repairs"]} == {True}
    assert next(check for check in found["checks"] if check["name"] == "store")["ok"] is True
    assert done.exit_code == 0, done
    assert broken.stats()["jobs_by_status"]["queued"] == 2
    done = typed(tmp_path / "home", "doctor", "--repair", "--json", **given)
    assert (done.exit_code, json.loads(done.stdout)["repairs"]) == (0, [])


def test_a_person_is_asked(broken: JobQueue, redis_server: RedisProcess, tmp_path: Path) -> None:
    cli = CommandLine(tmp_path / "home", tmp_path / "cwd", {"JUNMAI_REDIS_URL": redis_server.url})
    code, shown = cli.in_terminal("doctor", "--repair", after="[y/N]", keys="n\n")
    assert (code, "Mend 2 places in the namespace junmai?" in shown) == (1, True)
    code, shown = cli.in_terminal("doctor", "--repair", after="[y/N]", keys="y\n")
    assert (code, "2 places mended" in shown) == (0, True)


def test_what_was_hidden_is_shown_before_it_is_mended(
    broken: JobQueue, redis_server: RedisProcess, tmp_path: Path
) -> None:
    with redis_server.client() as admin:
        admin.set(broken.inspector.keys.progress_notes, "of somebody else")
    given = {"JUNMAI_REDIS_URL": redis_server.url}
    done = typed(tmp_path / "home", "doctor", "--repair", "--dry-run", **given)
    assert ("foreign_key" in done.stdout, "orphan" in done.stdout) == (True, False)
    assert "what else is broken shows when these are mended" in done.stdout
    done = typed(tmp_path / "home", "doctor", "--repair", "--yes", **given)
    assert (
        done.stdout.index("1 place mended")
        < done.stdout.index("orphan")
        < done.stdout.index("2 places mended")
    )
    assert done.exit_code == 0, done


def test_a_key_of_the_wrong_type_names_the_repair_which_mends_it(
    broken: JobQueue, redis_server: RedisProcess, tmp_path: Path
) -> None:
    """Whichever it is: who repairs must not first read it."""
    given = {"JUNMAI_REDIS_URL": redis_server.url}
    keys = broken.inspector.keys
    with redis_server.client() as admin:
        for key in (keys.queues, keys.bodies):
            admin.delete(key)
            admin.set(key, "of somebody else")
            done = typed(tmp_path / "home", "list", **given)
            assert (done.exit_code, "`junmai-jobs doctor --repair` mends that" in done.stderr) == (69, True)
            done = typed(tmp_path / "home", "doctor", "--repair", "--yes", **given)
            assert f"{key} " in done.stdout
            assert typed(tmp_path / "home", "list", **given).exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--yes"], "--dry-run and --yes go with --repair"),
        (["--dry-run"], "--dry-run and --yes go with --repair"),
        (["--repair", "--quick"], "--quick looks at no job"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, options: list[str], said: str) -> None:
    done = typed(tmp_path / "home", "doctor", *options)
    assert (done.exit_code, said in done.stderr) == (2, True)


def test_no_repair_where_the_server_is_away(tmp_path: Path) -> None:
    done = typed(tmp_path, "doctor", "--repair", "--yes", JUNMAI_REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (69, "", 1)
