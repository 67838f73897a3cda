"""Nothing is left behind by what has come and gone, see benchmarks/growth.py."""

from __future__ import annotations

import pytest

from benchmarks.ground import ground
from benchmarks.growth import ROUND, Life, grow, grown

LASTING = {"meta", "queues", "minutes", "event_stream", "ages", "starts", "limits_due"}
"""Each of a size that does not depend on how many jobs there were."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_and_every_key_are_flat_over_50000_jobs() -> None:
    samples = grow(50_000, keep=300)
    assert grown(samples) == {}


def test_when_all_is_forgotten_only_what_belongs_to_the_namespace_is_left() -> None:
    with ground() as on:
        life = Life(on, keep=0)
        life.round(ROUND // 10)
        on.broker.purge("default", ["blocked"], "tidy")
        life.chores(["default"])
        left = {key.decode().removeprefix(on.keys.prefix) for key in on.client.scan_iter("*", count=1000)}
        bells = {name for name in left if name.endswith(":bell") or name == "alarm"}
        assert left - bells <= LASTING
        assert {"succeed", "fail", "retry"} <= life.seen.keys()
