"""Any sequence of calls leaves the real store as it leaves the model. The store is on the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test as run_machine

from tests.model.machine import Machine

if TYPE_CHECKING:
    from tests.backends import Backend, Backends


def machine_on(backend: Backend) -> type[Machine]:
    """The machine, which Hypothesis makes anew for every example."""

    class MachineOnBackend(Machine):
        def __init__(self) -> None:
            super().__init__(backend)

    return MachineOnBackend


@pytest.mark.timeout(600)
def test_the_store_does_as_the_model_does(backends: Backends) -> None:
    few = settings(max_examples=80, stateful_step_count=50)
    run_machine(machine_on(backends.get("valkey")), settings=few)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_store_does_as_the_model_does_at_length(backends: Backends) -> None:
    many = settings(max_examples=3000, stateful_step_count=80, derandomize=False)
    run_machine(machine_on(backends.get("valkey")), settings=many)
