"""The server, as it may be found: each fault is a real one, and what is named against it is tried."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from junmai_jobs import JobQueue
from junmai_jobs.doctor import Check, Patient, Unreachable, diagnose, server, speed
from junmai_jobs.doctor.rights import check_rights, commands_needed
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.route import UnknownService
from tests import acl
from tests.doctor.conftest import NAMESPACE, Admit, StartKind, checks_of, follow
from tests.proxy import Mode, Proxy
from tests.servers import RedisProcess, free_port
from tests.waiting import wait_until

USER, PASSWORD = "photographer", "open-sesame"


def test_a_server_that_is_well(patient: Patient) -> None:
    found = checks_of(patient)
    assert {name: check for name, check in found.items() if check.ok is not True} == {}
    assert [check.fix for check in found.values() if check.fix] == []
    assert "median" in found["latency"].detail
    assert "would cost nothing that was acknowledged" in found["persistence"].detail


def test_the_embedded_server_is_started(admit: Admit) -> None:
    patient = admit(None)
    with closing(patient.link):
        found = checks_of(patient)
        assert patient.server.stop()
    assert {name: check for name, check in found.items() if check.ok is not True} == {}
    assert "embedded, valkey" in found["server"].detail


def away(patient: Patient) -> dict[str, Check]:
    """What is found without a server."""
    found: list[Check] = []
    with pytest.raises(Unreachable):
        found.extend(diagnose(lambda: patient))
    return {check.name: check for check in found}


def test_a_server_that_is_away(admit: Admit) -> None:
    port = free_port()
    found = away(admit(f"redis://127.0.0.1:{port}"))
    assert found["server"].ok is False
    assert "cannot be reached" in found["server"].detail
    assert found["server"].fix.startswith("start it as it was started before; where there was none: ")
    assert f": redis-server --port {port} --appendonly yes" in found["server"].fix
    assert found.keys() == {
        "configuration",
        "modules",
        "server",
        "home",
        "catalog",
        "roots",
        "computer",
        "cards",
    }


def test_a_server_that_does_not_answer(start: StartKind, admit: Admit) -> None:
    stalled = start()
    stalled.pause()
    begin = time.monotonic()
    found = away(admit(stalled.url))["server"]
    assert (found.ok, found.fix) == (False, f"lsof -i :{stalled.port}")
    assert time.monotonic() - begin < 20


def test_a_server_that_a_script_holds_up(start: StartKind, admit: Admit) -> None:
    busy = start("--busy-reply-threshold", "50")
    patient = admit(busy.url)
    with busy.client() as client:

        def hold_up() -> None:
            with contextlib.suppress(redis.ResponseError):
                client.eval("while true do end", 0)

        holding = threading.Thread(target=hold_up)
        holding.start()
        found = wait_until(lambda: server.reach(patient), what="the server to be busy")
        assert found is not None
        told = server.unreachable(patient, found)
        assert "BUSY" in told.detail
        follow(busy, told.fix)
        holding.join()
    wait_until(lambda: server.reach(patient) is None)


def test_a_wrong_password(start: StartKind, admit: Admit) -> None:
    guarded = start("--requirepass", PASSWORD, password=PASSWORD)
    found = away(admit(f"redis://:wrong@127.0.0.1:{guarded.port}"))["server"]
    assert "refuses the user or the password" in found.detail
    assert "wrong" not in found.detail + found.fix
    assert found.fix == f'"redis": {{"url": "redis://USER:PASSWORD@127.0.0.1:{guarded.port}/0"}}'
    assert checks_of(admit(f"redis://:{PASSWORD}@127.0.0.1:{guarded.port}"))["server"].ok


def test_a_replica(start: StartKind, redis_server: RedisProcess, admit: Admit) -> None:
    replica = start("--replicaof", f"127.0.0.1 {redis_server.port}")
    found = server.check_server(admit(replica.url))
    assert (found.ok, found.fix) == (False, f'"redis": {{"url": "redis://127.0.0.1:{redis_server.port}/0"}}')
    assert "is a replica and takes no jobs" in found.detail


def test_a_server_that_is_too_old(patient: Patient) -> None:
    vars(patient)["info"] = {"redis_version": "6.2.14", "uptime_in_seconds": 7200}
    found = server.check_server(patient)
    assert (found.ok, "is redis 6.2.14, which is too old" in found.detail) == (False, True)


def test_a_server_that_tells_little(patient: Patient) -> None:
    vars(patient)["info"] = {}
    found = checks_of(patient)
    assert found["server"] == ("server", None, "not known: it answers, and its INFO names no version", "")
    assert {name for name, check in found.items() if check.ok is not True} == {
        "server", "eviction", "persistence", "memory",
    }  # fmt: skip


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"$-1\r\n", b":1\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_server_at_all(admit: Admit, reply: bytes) -> None:
    class Other(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65_536):
                self.request.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.05,))
        thread.start()
        try:
            found = away(admit(f"redis://127.0.0.1:{other.server_address[1]}"))["server"]
        finally:
            other.shutdown()
            thread.join()
    assert (found.ok, "does not speak as Redis does: correct the address" in found.detail) == (False, True)


def test_a_server_that_refuses_all_work(redis_server: RedisProcess, start: StartKind, admit: Admit) -> None:
    """Then nothing else would be known, and that alone fails nothing."""
    place = f"127.0.0.1:{redis_server.port}"
    found = away(admit(f"redis://{place}/99"))["server"]
    assert (found.ok, "DB index is out of range" in found.detail) == (False, True)
    assert found.fix == f'"redis": {{"url": "redis://{place}/0"}}'
    node = start("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    found = away(admit(node.url))["server"]
    assert (found.ok, "Hash slot not served" in found.detail) == (False, True)
    follow(node, found.fix)


def test_a_socket_where_nobody_listens(admit: Admit, tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    found = away(admit(f"unix://{path}"))["server"]
    assert f": redis-server --port 0 --unixsocket {path} --appendonly yes" in found.fix


def test_sentinels_that_do_not_know_the_service(admit: Admit) -> None:
    patient = admit("redis+sentinel://127.0.0.1:26379/nosuch")
    told = StoreUnavailable("its sentinels know no service")
    told.__cause__ = UnknownService()
    assert server.unreachable(patient, told).fix == "redis-cli -p 26379 SENTINEL MASTERS"


# ---- rights --------------------------------------------------------------------------------------


def as_user(redis_server: RedisProcess, admit: Admit, *rules: str) -> Patient:
    """Somebody of the least rights, but for what the rules say."""
    with redis_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", USER, *acl.rules(NAMESPACE, PASSWORD), *rules)
    return admit(f"redis://{USER}:{PASSWORD}@127.0.0.1:{redis_server.port}/0")


def test_what_is_needed_is_what_the_docs_give() -> None:
    # One command of several parts may be written with or without the part.
    given, needed = (
        {each.partition("|")[0] for each in names} for names in (acl.COMMANDS, commands_needed())
    )
    assert needed == given


def test_a_user_of_the_least_rights(redis_server: RedisProcess, admit: Admit) -> None:
    found = checks_of(as_user(redis_server, admit))
    assert found["rights"].ok is True, found["rights"]
    assert USER in found["rights"].detail
    told = {name for name, check in found.items() if check.ok is None}
    assert told == {"server", "eviction", "persistence", "memory", "latency", "functions", "namespaces"}
    assert all("forbids a command to this user" in found[name].detail for name in told)
    assert [name for name, check in found.items() if check.ok is False] == []


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        (("-zadd",), "zadd"),
        (("-client|setname",), "may not even ask"),
        (("-blpop", "-hgetall"), "blpop, hgetall"),
        (("-hset", "-function|load"), "function|load, hset"),
        (("-eval",), "may not even ask"),
        (("resetkeys", "~{other}:*"), "and"),
    ],
)
def test_a_user_that_lacks_rights(
    redis_server: RedisProcess, admit: Admit, rules: tuple[str, ...], named: str
) -> None:
    patient = as_user(redis_server, admit, *rules)
    found = check_rights(patient)
    assert (found.ok, named in found.detail) == (False, True), found
    follow(redis_server, found.fix)
    assert check_rights(patient).ok is True, found.fix


# ---- what it keeps -------------------------------------------------------------------------------


def test_a_server_that_may_drop_jobs(start: StartKind, admit: Admit) -> None:
    dropping = start("--maxmemory-policy", "allkeys-lru")
    found = server.check_eviction(admit(dropping.url))
    assert (found.ok, "allkeys-lru: jobs may be dropped" in found.detail) == (False, True)
    assert server.check_eviction(admit(dropping.url, allow_eviction=True)).ok is True
    follow(dropping, found.fix)
    assert server.check_eviction(admit(dropping.url)).ok is True
    with dropping.client() as admin:
        admin.config_set("maxmemory-policy", "volatile-lru")
    assert server.check_eviction(admit(dropping.url)).ok is True


@pytest.mark.parametrize(
    ("options", "ok", "cost"),
    [
        ((), True, "nothing that was acknowledged (appendfsync always)"),
        (("--appendfsync", "everysec"), True, "at most the last two seconds (appendfsync everysec)"),
        (("--appendfsync", "no"), False, "what the system had not written yet"),
        (("--appendonly", "no", "--save", "3600 1 300 100"), False, "1 changes (appendonly no, save '3600 1"),
        (("--appendonly", "no"), False, "everything: nothing is written to the disk"),
    ],
)
def test_what_a_power_cut_would_cost(
    start: StartKind, admit: Admit, options: tuple[str, ...], ok: bool, cost: str
) -> None:
    keeping = start(*options)
    with keeping.client() as client:
        client.set("a", 1)
    found = server.check_persistence(admit(keeping.url))
    assert (found.ok, cost in found.detail) == (ok, True), found
    if not ok:
        follow(keeping, found.fix)
        wait_until(lambda: server.check_persistence(admit(keeping.url)).ok, what="the log to be written")


def test_a_setting_outlives_the_next_start(start: StartKind, admit: Admit, tmp_path: Path) -> None:
    """Started again without its log a server would come back with the last snapshot in place of all jobs."""
    bare = start("--appendonly", "no")
    fix = server.check_persistence(admit(bare.url)).fix
    assert fix.endswith("CONFIG SET appendonly yes; from its next start on: redis-server --appendonly yes")
    file = tmp_path / "redis.conf"
    file.touch()
    patient = admit(bare.url)
    vars(patient)["info"] = {"aof_enabled": 0, "config_file": str(file)}
    cli = f"redis-cli -p {bare.port} CONFIG"
    assert server.check_persistence(patient).fix == f"{cli} SET appendonly yes; {cli} REWRITE"


def test_a_snapshot_that_failed(start: StartKind, admit: Admit) -> None:
    keeping = start()
    (keeping.folder / "dump.rdb").mkdir()
    with keeping.client() as client:
        client.set("a", 1)
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    found = server.check_persistence(admit(keeping.url))
    assert (found.ok, "the last snapshot failed" in found.detail) == (False, True)
    assert found.fix == f"free space on the server's disk, then redis-cli -p {keeping.port} BGREWRITEAOF"


# ---- room and speed ------------------------------------------------------------------------------


def test_a_server_that_is_nearly_full(start: StartKind, admit: Admit) -> None:
    full = start("--maxmemory", "64mb")
    assert server.check_memory(admit(full.url)).ok is True
    with full.client() as client:
        for number in range(64):
            if client.info("memory")["used_memory"] < 0.92 * 64 * 2**20:
                client.set(f"k{number}", b"x" * 2**20)
    found = server.check_memory(admit(full.url))
    assert (found.ok, "of 64 MiB (maxmemory)" in found.detail) == (False, True)
    follow(full, found.fix)
    assert server.check_memory(admit(full.url)).ok is True


@pytest.mark.parametrize(
    ("ratio", "extra", "said"),
    [
        (1.02, 9_000_000, []),
        (9.5, 9_000_000, []),
        (2.1, 3 * 2**30, ["3.0 GiB more are held than used"]),
        (0.4, -(2**30), ["1.0 GiB of it are swapped out"]),
    ],
)
def test_memory_that_is_held_in_vain_or_on_the_disk(
    patient: Patient, ratio: float, extra: int, said: list[str]
) -> None:
    info = {"mem_fragmentation_ratio": ratio, "mem_fragmentation_bytes": extra}
    found = list(server.fragmentation(patient, info))
    assert [each.detail.partition(" (")[0] for each in found] == said


def test_a_slow_line(redis_server: RedisProcess, admit: Admit) -> None:
    with Proxy(redis_server.port, latency=0.03) as proxy:
        patient = admit(f"redis://127.0.0.1:{proxy.port}")
        assert speed.check_latency(patient).ok is True
        proxy.mode = Mode.LATENCY
        found = speed.check_latency(patient)
    assert (found.ok, found.fix) == (False, f"redis-cli -p {proxy.port} --latency")


def test_a_slow_command(start: StartKind, admit: Admit) -> None:
    slow = start()
    assert speed.check_latency(admit(slow.url)).ok is True
    with slow.client() as client:
        client.execute_command("DEBUG", "SLEEP", "0.3")
    found = speed.check_latency(admit(slow.url))
    assert (found.ok, "1 slow commands in the last hour, the worst DEBUG SLEEP" in found.detail) == (
        False,
        True,
    )
    assert found.fix == f"redis-cli -p {slow.port} SLOWLOG GET 10"


@pytest.mark.parametrize(("skew", "said"), [(60, "behind"), (-3600, "ahead of")])
def test_a_clock_that_goes_otherwise(patient: Patient, skew: float, said: str) -> None:
    assert speed.check_clock(patient).ok is True
    found = speed.check_clock(patient, clock=lambda: time.time() + skew)
    assert (found.ok, f" s {said} this computer's" in found.detail) == (False, True)


def test_libraries_that_other_versions_left(patient: Patient, redis_server: RedisProcess) -> None:
    with redis_server.client() as admin:

        def leave(number: int) -> None:
            text = f"#!lua name=junmai_jobs_old{number}\nredis.register_function('f{number}', function() end)"
            admin.function_load(text)

        leave(0)
        found = server.check_functions(patient)
        assert (found.ok, "doing no harm: junmai_jobs_old0" in found.detail) == (True, True)
        for number in range(1, 6):
            leave(number)
        found = server.check_functions(patient)
        assert (found.ok, found.detail) == (False, "6 libraries are left by other versions")
        follow(redis_server, found.fix)
        assert server.check_functions(patient).detail == "0 in use"


def test_ours_is_in_use(patient: Patient) -> None:
    with closing(JobQueue(patient.server.url, namespace=NAMESPACE, config=patient.config)) as jobs:
        jobs.pause("a")
    assert server.check_functions(patient).detail == "1 in use"


def test_the_address_is_named_as_it_is_typed(
    redis_server: RedisProcess, admit: Admit, tmp_path: Path
) -> None:
    away_from_here = replace(redis_server, port=1)
    far = admit(f"rediss://u:pw@studio.example:{away_from_here.port}/0")
    assert far.redis_cli("PING") == "redis-cli --tls -h studio.example -p 1 --askpass PING"
    assert admit("redis://$(reboot):1").redis_cli("PING") == "redis-cli -h '$(reboot)' -p 1 PING"
    assert admit("unix:///run/redis.sock").redis_cli("PING") == "redis-cli -s /run/redis.sock PING"
