"""The way to the server on which the model's clock is the server's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.model.job import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs.scripts import Verb
    from tests.model.model import Model

SET_CLOCK = """
local time = redis.call('TIME')
local real = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'clock_offset', string.format('%.0f', ARGV[1] - real))
"""


@dataclass(frozen=True)
class TimedLink:
    """Calls verbs at the time that the model has: the clock is set in the same transaction."""

    admin: Any
    model: Model
    meta: str

    def run(self, script: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        with self.admin.pipeline(transaction=True) as pipeline:
            pipeline.eval(SET_CLOCK, 1, self.meta, EPOCH + self.model.now * 1000)
            pipeline.fcall(script.function, 1, prefix, *arguments)
            return pipeline.execute()[1]
