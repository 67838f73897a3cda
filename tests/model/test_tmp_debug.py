from __future__ import annotations
import os
import pytest
from hypothesis import Phase, settings, seed
from hypothesis.stateful import run_state_machine_as_test as run_machine
from tests.model.test_model import machine_on

@pytest.mark.timeout(600)
def test_debug(backends):
    few = settings(max_examples=int(os.environ.get("N", "100")), stateful_step_count=int(os.environ.get("STEPS", "50")), phases=[Phase.generate], derandomize=False, database=None, report_multiple_bugs=False)
    run_machine(machine_on(backends.get("valkey")), settings=few)
