from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backend, Backends

    MakeStore = Callable[..., Store]


@pytest.fixture
def make_store(backend: Backend) -> Iterator[MakeStore]:
    """Stores with nothing in them, on the server of the test unless another is given."""
    with ExitStack() as stack:
        names: list[str] = []

        def make(on: Backend = backend) -> Store:
            name = stack.enter_context(on.namespace())
            names.append(name)
            if on.name == "acl":  # which lets its user into one namespace only
                patterns = (f"~{{{each}}}:*" for each in names)
                on.admin.execute_command("ACL", "SETUSER", "worker", *patterns)
            return Store(on.broker(name), on.admin, name, on.clock(name).advance)

        yield make


@pytest.fixture
def others(backend: Backend, backends: Backends) -> list[Backend]:
    """The servers of the other kinds, to which one may move."""
    return [backends.get(name) for name in ("redis", "valkey") if name != backend.name]
