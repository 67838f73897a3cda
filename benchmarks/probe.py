"""The bare probe: the least a Redis queue can do for a job, as a measure of the machine.

One script call a job through redis-py's ordinary client: the previous job is finished, the next is popped and
leased. No fencing, no replay, no limits, no errors, and a kill loses a job.

    python -m benchmarks.probe PORT
"""

from __future__ import annotations

import sys
import time
from typing import Any

import msgpack
import redis

from benchmarks.tasks import noop, path_of

GO = "probe:go"
_PENDING, _LEASES, _BODIES = "probe:pending", "probe:leases", "probe:bodies"
_FUNCTIONS = {"noop": noop.function}
_CLAIM = """
if ARGV[2] then
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
end
local id = redis.call('ZPOPMIN', KEYS[1])[1]
if not id then return false end
redis.call('ZADD', KEYS[2], ARGV[1], id)
return {id, redis.call('HGET', KEYS[3], id)}
"""


def fill(client: redis.Redis, count: int) -> None:
    """Jobs of the priorities 0 to 10 by turns."""
    for start in range(0, count, 500):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, min(start + 500, count)):
            body = msgpack.packb(("noop", {"photo_id": number, "path": path_of(number)}))
            pipeline.hset(_BODIES, str(number), body)
            pipeline.zadd(_PENDING, {str(number): (10 - number % 11) * 2**42 + number})
        pipeline.execute()


def drain(client: Any) -> None:
    """Wait for the start, then run what there is."""
    sha = client.script_load(_CLAIM)
    client.blpop([GO])
    done: tuple[bytes, ...] = ()
    while job := client.execute_command(
        "EVALSHA", sha, 3, _PENDING, _LEASES, _BODIES, time.time() + 30, *done
    ):
        done = (job[0],)
        name, arguments = msgpack.unpackb(job[1])
        _FUNCTIONS[name](**arguments)


if __name__ == "__main__":
    drain(redis.Redis(port=int(sys.argv[1]), client_name="probe"))
