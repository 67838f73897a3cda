"""Certificates for tests, made by the openssl program: an authority, and who it vouches for."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Vouches for others; nobody knows it who is not given its certificate."""

    folder: Path
    name: str = "authority"

    def __post_init__(self) -> None:
        if not shutil.which("openssl"):
            (pytest.fail if os.environ.get("CI") else pytest.skip)("needs openssl: apt-get install openssl")
        self.folder.mkdir(exist_ok=True)
        _openssl("req", "-x509", *_NEW, *self._files(self.name), "-days", "2", "-subj", f"/CN={self.name}")

    @property
    def certificate(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def vouch_for(self, name: str, host: str) -> Identity:
        """A certificate for a host name or, as ``IP:1.2.3.4``, an address."""
        kind = host if host.startswith("IP:") else f"DNS:{host}"
        signed = ("-CA", str(self.certificate), "-CAkey", str(self.folder / f"{self.name}.key"))
        extension = ("-addext", f"subjectAltName={kind}", "-addext", "basicConstraints=critical,CA:FALSE")
        _openssl(
            "req",
            "-x509",
            *_NEW,
            *self._files(name),
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
            *extension,
            *signed,
        )
        return Identity(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def _files(self, name: str) -> tuple[str, ...]:
        return ("-keyout", str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.crt"))


_NEW = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
