"""The bare probe: the least a Redis queue can do for a job, as a measure of the machine.

One script call finishes the jobs of the call before, and pops and leases the next. No fencing, no replay, no
limits, no errors, and a kill loses what it holds. Through redis-py's ordinary client it is the floor, on a
bare socket the ceiling of what one call a job can give. With several jobs a call, order is kept in a process
only.

    python -m benchmarks.probe PORT [--raw] [--jobs-a-call 16]
"""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable
from typing import Any, cast

import hiredis
import msgpack
import redis

from benchmarks.tasks import noop, path_of

NAME = "probe"
GO = "probe:go"
_KEYS = ("probe:pending", "probe:leases", "probe:bodies")
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
_CLAIM_SEVERAL = """
local jobs_a_call = tonumber(ARGV[2])
if ARGV[3] then
  local done = {unpack(ARGV, 3)}
  redis.call('ZREM', KEYS[2], unpack(done))
  redis.call('HDEL', KEYS[3], unpack(done))
end
local popped, jobs = redis.call('ZPOPMIN', KEYS[1], jobs_a_call), {}
for at = 1, #popped, 2 do
  redis.call('ZADD', KEYS[2], ARGV[1], popped[at])
  jobs[#jobs + 1] = popped[at]
  jobs[#jobs + 1] = redis.call('HGET', KEYS[3], popped[at])
end
return jobs
"""

Call = Callable[..., Any]
"""A command's words, to its reply."""


def fill(client: redis.Redis, count: int) -> None:
    """Jobs of the priorities 0 to 10 by turns."""
    pending, _, bodies = _KEYS
    for start in range(0, count, 500):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, min(start + 500, count)):
            body = msgpack.packb(("noop", {"photo_id": number, "path": path_of(number)}))
            pipeline.hset(bodies, str(number), body)
            pipeline.zadd(pending, {str(number): (10 - number % 11) * 2**42 + number})
        pipeline.execute()


def through_client(port: int) -> Call:
    """redis-py, as it comes."""
    client: Any = redis.Redis(port=port)
    return cast("Call", client.execute_command)


def through_socket(port: int) -> Call:
    """Nothing but the bytes: no retries, no timeouts, no callbacks."""
    pack = cast("Callable[[tuple[object, ...]], bytes]", hiredis.pack_command)
    reader: Any = hiredis.Reader()
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(*words: object) -> Any:
        connection.sendall(pack(words))
        while (reply := reader.gets()) is False:
            reader.feed(connection.recv(65_536))
        return reply

    return call


def drain(call: Call, jobs_a_call: int) -> None:
    """Wait for the start, then run what there is."""
    several = (jobs_a_call,) if jobs_a_call > 1 else ()
    sha = call("SCRIPT", "LOAD", _CLAIM_SEVERAL if several else _CLAIM)
    call("CLIENT", "SETNAME", NAME)
    call("BLPOP", GO, 0)
    done: list[bytes] = []
    while jobs := call("EVALSHA", sha, len(_KEYS), *_KEYS, time.time() + 30, *several, *done):
        done = jobs[::2]
        for body in jobs[1::2]:
            name, arguments = msgpack.unpackb(body)
            _FUNCTIONS[name](**arguments)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--jobs-a-call", type=int, default=1)
    options = parser.parse_args()
    drain((through_socket if options.raw else through_client)(options.port), options.jobs_a_call)


if __name__ == "__main__":
    main()
