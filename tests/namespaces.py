"""Hosts on one machine: network namespaces, each on a cable of its own that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


_NOBODY = "02:00:00:00:00:01"


@dataclass(frozen=True)
class Host:
    """A network namespace, and the cable from it to this machine."""

    name: str
    near: str
    """The cable's end on this machine."""
    far: str
    server: str
    """The address of this machine as seen from the host."""
    address: str

    @property
    def inside(self) -> tuple[str, ...]:
        """What to put before a command that is to run on this host."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Have the network swallow all that is sent either way; nothing tells anybody so."""
        neighbour = ("lladdr", _NOBODY, "nud", "permanent")
        ip("-n", self.name, "neigh", "replace", self.server, "dev", self.far, *neighbour)
        ip("neigh", "replace", self.address, "dev", self.near, *neighbour)

    def mend(self) -> None:
        """Undo ``cut``."""
        ip("-n", self.name, "neigh", "del", self.server, "dev", self.far)
        ip("neigh", "del", self.address, "dev", self.near)

    def pull(self) -> None:
        """Take the cable out: what is sent is lost, and soon the kernel says that there is no way."""
        ip("link", "set", self.near, "down")

    def plug(self) -> None:
        """Undo ``pull``."""
        ip("link", "set", self.near, "up")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def need_namespaces() -> None:
    """Skip the test where nobody may make one; fail it in CI, where somebody may."""
    lacking = "root" if os.geteuid() else "" if shutil.which("ip") else "apt-get install iproute2"
    if not lacking:
        try:
            ip("netns", "add", f"junmai-try-{os.getpid()}")
            ip("netns", "del", f"junmai-try-{os.getpid()}")
        except subprocess.CalledProcessError as error:
            lacking = error.stderr.decode().strip()
    if lacking:
        said = f"needs network namespaces: {lacking}"
        (pytest.fail if os.environ.get("CI") and not os.geteuid() else pytest.skip)(said)


def _new_host() -> Host:
    """One with a network of its own, of its name's number: no two processes can make the same name."""
    for number in range(1, 255):
        net = f"10.213.{number}"
        host = Host(f"junmai-{number}", f"junmai-{number}a", f"junmai-{number}b", f"{net}.1", f"{net}.2")
        with suppress(subprocess.CalledProcessError):
            ip("netns", "add", host.name)
            return host
    raise AssertionError("no network namespace can be made")


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts, each with a cable to this machine; gone at the end whatever happens."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            host = _new_host()
            stack.callback(ip, "netns", "del", host.name)
            ip("link", "add", host.near, "type", "veth", "peer", "name", host.far, "netns", host.name)
            stack.callback(ip, "link", "del", host.near)
            ip("addr", "add", f"{host.server}/24", "dev", host.near)
            ip("link", "set", host.near, "up")
            ip("-n", host.name, "link", "set", "lo", "up")
            ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", host.far)
            ip("-n", host.name, "link", "set", host.far, "up")
            made.append(host)
        yield made
