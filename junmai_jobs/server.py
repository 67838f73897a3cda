"""Which server: one named by a URL, or the embedded one (``embedded.py``); and whether it will do."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from junmai_jobs.checks import Bad, redis_address
from junmai_jobs.config import Config, redact
from junmai_jobs.connection import ClientLink
from junmai_jobs.embedded import FLOOR, Embedded
from junmai_jobs.errors import ConfigError, StoreUnavailable
from junmai_jobs.host import is_alive
from junmai_jobs.route import route_of, routed_client
from junmai_jobs.server_errors import explain

if TYPE_CHECKING:
    from pathlib import Path

_CLIENT_OPTIONS: dict[str, Any] = {
    "retry": Retry(NoBackoff(), 0),
    "socket_connect_timeout": 1.0,  # for all places of an address together
    "socket_timeout": 5.0,
    "health_check_interval": 0,
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address, and for the embedded one (``url`` None) how it is to be run."""

    url: str | None
    home: Path
    idle_seconds: float = 1800.0
    fsync: str = "always"

    @property
    def embedded(self) -> Embedded:
        """The embedded server of this home, whether it is the one in use or not."""
        return Embedded(self.home, self.idle_seconds, self.fsync)

    def describe(self) -> str:
        """The address, fit to be shown."""
        return f"unix://{self.embedded.socket}" if self.url is None else redact(self.url)

    def processes(self) -> tuple[int, ...]:
        """The embedded server and its watcher, by their process ids; none for a URL."""
        marks = self.embedded.read_state().values() if self.url is None else ()
        return tuple(int(mark[0]) for mark in marks if is_alive(mark))

    def client(self, **options: Any) -> redis.Redis:
        """A client that never sends twice by itself, not yet connected; ``options`` are those of redis-py."""
        options = _CLIENT_OPTIONS | options
        if self.url is None:
            self.embedded.prepare()
            return redis.Redis(unix_socket_path=str(self.embedded.socket), **options)
        try:
            return routed_client(self.url, options)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{redact(self.url)} is not the address of a server: {error}") from None

    def ensure(self) -> None:
        """See that the embedded server runs: one connection and one PING when it does. Nothing for a URL.

        Raises:
            StoreUnavailable: it cannot be started.
        """
        if self.url is None:
            self.embedded.prepare()
            if not self.embedded.ping().startswith("+"):
                self.embedded.start()

    def start(self) -> None:
        """Start the embedded server unless it runs; return when it answers. Nothing for a URL.

        Raises:
            StoreUnavailable: it cannot be started.
        """
        if self.url is None:
            self.embedded.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Stop the embedded server and its watcher; its data stays. False if none runs, or for a URL."""
        return self.url is None and self.embedded.stop(timeout)

    def check(self, *, allow_eviction: bool = False) -> None:
        """Refuse a server that is too old, may drop jobs or is a replica; one that hides its INFO passes.

        One that is just starting is waited for, but not long: this is where a person learns that it is away.

        Raises:
            StoreUnavailable: with what to change; or the server cannot be reached.
        """
        short = {"socket_connect_timeout": 0.75, "socket_timeout": 0.75}
        link = ClientLink(self, patience=1.5, client_name="junmai-jobs-check", **short)
        with closing(link.client):
            info = link.insist(partial(_info, link.client))
        if info and (wrong := _what_is_wrong(info, allow_eviction=allow_eviction)):
            raise StoreUnavailable(f"the server {self.describe()} {wrong}")

    def status(self) -> dict[str, Any]:
        """What can be told about the server, as JSON; ``running`` is false where it does not answer.

        ``serves`` is the host and port in use, where the address names several places or sentinels.
        """
        found: dict[str, Any] = {
            "kind": "embedded" if self.url is None else "url",
            "address": self.describe(),
        }
        try:
            with self.client(client_name="junmai-jobs-status", socket_timeout=1.5) as client:
                info = client.info()
                route = route_of(client)
        except (redis.RedisError, OSError) as error:
            found |= {"running": False, "error": str(explain(error, self.describe()))}
        else:
            found |= {
                "running": True,
                "version": " ".join(version_of(info)),
                "pid": info["process_id"],
                "uptime_s": info["uptime_in_seconds"],
                "clients": info["connected_clients"] - 1,
                "memory_bytes": info["used_memory"],
            }
            if route is not None and route.picky:
                found["serves"] = "{}:{}".format(*route.now)
        if self.url is None:
            watched = is_alive(self.embedded.read_state().get("watcher"))
            found |= {"watcher": watched, "folder": str(self.embedded.folder), "log": str(self.embedded.log)}
        return found


def find_server(config: Config, url: str | None = None) -> Server:
    """The server at ``url``, else the one that the configuration names, else the embedded one.

    Raises:
        ConfigError: ``url`` is no address of a server.
    """
    try:
        address = config.redis_url if url is None else str(redis_address(url))
    except Bad as bad:
        raise ConfigError(f"The server's address {bad}") from None
    return Server(address, config.home, config.idle_seconds, config.fsync)


def _info(client: redis.Redis) -> dict[str, Any]:
    try:
        return dict(client.info())
    except redis.ResponseError:  # not for this user
        return {}


def version_of(info: dict[str, Any]) -> tuple[str, str]:
    """The brand and the version of a server with this INFO."""
    brand = "valkey" if "valkey_version" in info else "redis"
    return brand, str(info[f"{brand}_version"])


def is_too_old(info: dict[str, Any]) -> str | None:
    """The end of a sentence about a server of such a version; None: it is not."""
    brand, version = version_of(info)
    if tuple(map(int, re.findall(r"\d+", version)[:2])) >= FLOOR[brand]:
        return None
    return f"is {brand} {version}, which is too old: install Redis 7.0 or Valkey 7.2, or newer"


def may_evict(info: dict[str, Any]) -> bool:
    """Whether it may drop jobs when its memory is full: keys of ours have no time of their own to go."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    return policy != "noeviction" and not policy.startswith("volatile-")


def what_it_is_instead(info: dict[str, Any]) -> str | None:
    """The end of a sentence about a server that takes no jobs; None: it takes them."""
    if info.get("redis_mode") == "sentinel":
        return "is a sentinel: write its address as redis+sentinel://HOST:PORT/SERVICE"
    # A replica in a cluster knows where the jobs are.
    if info.get("role", "master") != "master" and not info.get("cluster_enabled"):
        return "is a replica and takes no jobs: use the address of its primary"
    return None


def _what_is_wrong(info: dict[str, Any], *, allow_eviction: bool) -> str | None:
    """The end of a sentence that says what to change at a server with this INFO; None if nothing."""
    if said := is_too_old(info):
        return said
    if not allow_eviction and may_evict(info):
        return (
            f"may drop jobs when its memory is full, by maxmemory-policy {info['maxmemory_policy']}: "
            "set maxmemory-policy to noeviction there, or accept it with --allow-eviction"
        )
    return what_it_is_instead(info)
