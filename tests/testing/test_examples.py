"""The example project and the guide's example, run as their readers run them."""

from __future__ import annotations

import importlib
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from examples.crash_points.test_post import *  # noqa: F403 - without the planted bugs all of it passes here
from examples.guide.testing import (  # noqa: F401 - the same
    test_a_busy_camera_is_asked_again,
    test_what_is_submitted,
)
from junmai_jobs.testing import InProcessQueue

if TYPE_CHECKING:
    from pathlib import Path


def test_both_planted_bugs_are_found_by_their_crash_points_and_by_no_other_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "examples.crash_points.test_post"
    monkeypatch.setenv("PLANTED", "key,mail")
    monkeypatch.delitem(sys.modules, name)
    planted = importlib.import_module(name)
    found = (
        r"^1 of 8 crashes leave something wrong:\n- crash before call 3, 'succeed', reached the store:\n {4}"
    )
    with closing(InProcessQueue(altered=planted.ALTERED)) as jobs:
        outbox = planted.Outbox(tmp_path)
        planted.test_an_invoice_is_sent(jobs, outbox)
        with pytest.raises(
            AssertionError, match=found + "it has failed, and its unique key is held for ever"
        ):
            planted.test_no_crash_sends_an_invoice_twice_or_keeps_it_from_being_sent(jobs, outbox)
        with pytest.raises(AssertionError, match=found + "the customer got 2 mails"):
            planted.test_no_crash_sends_a_reminder_twice(jobs, outbox)
