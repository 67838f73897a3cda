"""More than one server: a primary with its replica and three sentinels, and a cluster of three nodes."""

from __future__ import annotations

import itertools
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
from redis.crc import key_slot

from tests.servers import RedisProcess, free_port, server_binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "darkroom"
SLOTS = 16384
_QUICK = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


def slot_of(namespace: str) -> int:
    return int(key_slot(f"{{{namespace}}}".encode()))


def is_linked(replica: RedisProcess) -> bool:
    """Whether it has all that its primary has, and follows it."""
    with suppress(redis.ConnectionError), replica.client() as client:
        info: Any = client.info("replication")
        return bool(info["role"] == "slave" and info["master_link_status"] == "up")
    return False


def role(server: RedisProcess) -> str:
    """``master`` or ``slave``; or ``away``, as for a moment when the role changes."""
    with suppress(redis.ConnectionError), server.client() as client:
        told: Any = client.execute_command("ROLE")
        return str(told[0].decode())
    return "away"


@dataclass
class Sentinels:
    """A primary, a replica, and three sentinels that watch them; all in one folder."""

    folder: Path
    servers: list[RedisProcess] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    """Of the sentinels."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *options: str) -> Sentinels:
        for name in ("one", "other"):
            (self.folder / name).mkdir()
            follow = ("--replicaof", "127.0.0.1", str(self.servers[0].port)) if self.servers else ()
            server = RedisProcess(self.folder / name, options=(*_QUICK, *follow, *options))
            self.servers.append(server)
            server.start()
        wait_until(lambda: is_linked(self.servers[1]), what="the replica")
        for number in range(3):
            self._start_sentinel(self.folder / f"sentinel-{number}.conf")
        wait_until(lambda: all(map(self._knows_all, self.ports)), what="the sentinels to know each other")
        return self

    def _start_sentinel(self, file: Path) -> None:
        port = free_port()
        self.ports.append(port)
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self.folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.servers[0].port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} 3000\n"
            f"sentinel failover-timeout {SERVICE} 4000\n"
        )
        with file.with_suffix(".log").open("ab") as log:
            command = [server_binary(), str(file), "--sentinel"]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        wait_until(lambda: self._hurry(port), what=f"the sentinel on port {port}")

    def _hurry(self, port: int) -> bool:
        """Have a sentinel look and tell often."""
        sentinel = RedisProcess(self.folder, port=port)
        if not sentinel.answers():
            return False
        periods = {"info": 200, "publish": 200, "ping": 200, "ask": 200}
        told = [text for name, ms in periods.items() for text in (f"{name}-period", str(ms))]
        with sentinel.client() as client:
            client.execute_command("SENTINEL", "DEBUG", *told)
        return True

    def ask(self, port: int, *command: str) -> Any:
        with RedisProcess(self.folder, port=port).client() as client:
            return client.execute_command("SENTINEL", *command)

    def _knows_all(self, port: int) -> bool:
        told = dict(self.ask(port, "MASTER", SERVICE))
        return (told[b"num-other-sentinels"], told[b"num-slaves"]) == (b"2", b"1")

    @property
    def places(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    @property
    def url(self) -> str:
        return f"redis+sentinel://{self.places}/{SERVICE}/0"

    @property
    def primary(self) -> RedisProcess:
        return self._in_role("master")

    @property
    def replica(self) -> RedisProcess:
        return self._in_role("slave")

    def _in_role(self, word: str) -> RedisProcess:
        return wait_until(lambda: [each for each in self.servers if role(each) == word])[0]

    def set(self, option: str, value: int) -> None:
        """Of both servers' configuration."""
        for server in self.servers:
            with server.client() as client:
                client.config_set(option, value)

    def fail_over(self) -> None:
        """Have the replica take the primary's place, as an administrator does; return when both have."""
        before, after = self.primary, self.replica
        # Sentinels give one up when the replica was not heard of in time, and one who has not yet heard of
        # it sends the new primary back to the old one.
        for _ in range(3):
            with suppress(redis.ResponseError):
                self.ask(self.ports[0], "FAILOVER", SERVICE)
            with suppress(AssertionError):
                wait_until(lambda: role(before) == "slave" and is_linked(before), what="the failover")
                break
        assert role(after) == "master"
        wait_until(lambda: all(map(self._knows_all, self.ports)), what="the sentinels to know")

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for server in self.servers:
            server.stop()


@dataclass
class Cluster:
    """Nodes that share the slots evenly, and perhaps replicas of the first."""

    folder: Path
    nodes: list[RedisProcess] = field(default_factory=list)

    def start(self, primaries: int = 3, replicas: int = 0) -> Cluster:
        for number in range(primaries + replicas):
            (self.folder / f"node-{number}").mkdir()
            options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), *_QUICK)
            node = RedisProcess(
                self.folder / f"node-{number}", options=(*options, "--cluster-node-timeout", "3000")
            )
            self.nodes.append(node.start())
        bounds = [SLOTS * number // primaries for number in range(primaries + 1)]
        for number, node in enumerate(self.nodes):
            self.ask(node, "SET-CONFIG-EPOCH", number + 1)
            if number < primaries:
                self.ask(node, "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            bus = node.options[node.options.index("--cluster-port") + 1]
            self.ask(self.nodes[0], "MEET", "127.0.0.1", node.port, bus)
        wait_until(lambda: all(map(self._is_well, self.nodes)), what="the cluster")
        for node in self.nodes[primaries:]:
            self.ask(node, "REPLICATE", self.name(self.nodes[0]))
            wait_until(lambda node=node: is_linked(node), what="the replica")  # type: ignore[misc]
        return self

    def ask(self, node: RedisProcess, *command: object) -> Any:
        with node.client() as client:
            return client.execute_command("CLUSTER", *command)

    def name(self, node: RedisProcess) -> str:
        return str(self.ask(node, "MYID").decode())

    def _is_well(self, node: RedisProcess) -> bool:
        told = self.ask(node, "INFO")
        return b"cluster_state:ok" in told and b"cluster_known_nodes:%d\r" % len(self.nodes) in told

    def slots(self, node: RedisProcess) -> set[int]:
        """What a node serves, by its own word."""
        return {
            slot
            for first, last, (_, port, *_), *_ in self.ask(node, "SLOTS")
            if port == node.port
            for slot in range(first, last + 1)
        }

    def namespaces(self, node: RedisProcess, prefix: str) -> Iterator[str]:
        """Names of namespaces that a node serves."""
        slots = self.slots(node)
        names = (f"{prefix}-{number}" for number in itertools.count(1))
        return (name for name in names if slot_of(name) in slots)

    def move(self, slot: int, source: RedisProcess, target: RedisProcess) -> Iterator[str]:
        """Move a slot key by key, as the field's tools do; gives a step's name after each."""
        self.ask(target, "SETSLOT", slot, "IMPORTING", self.name(source))
        self.ask(source, "SETSLOT", slot, "MIGRATING", self.name(target))
        yield "begun"
        while keys := self.ask(source, "GETKEYSINSLOT", slot, 1):
            with source.client() as client:
                client.execute_command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
            yield "a key is moved"
        for node in (target, source, *self.nodes):
            if "slave" not in role(node):
                self.ask(node, "SETSLOT", slot, "NODE", self.name(target))
        yield "done"

    def hand_over(self, slot: int, source: RedisProcess, target: RedisProcess) -> None:
        """Move a slot, all of it."""
        for _ in self.move(slot, source, target):
            pass

    def close(self) -> None:
        for node in self.nodes:
            node.stop()
