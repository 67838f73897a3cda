"""The least that a user of the server needs to submit, work and look: the one list, which the docs quote.

The server asks for the right to a command also when a script gives it, so most of these never leave Lua.
"""

from __future__ import annotations

CONNECTING = ("client|setname",)
CALLING = ("fcall", "function|load", "eval")
WAITING = ("blpop",)
IN_SCRIPTS = (
    "time", "type", "del", "exists",
    "hdel", "hexists", "hget", "hincrby", "hlen", "hmget", "hset", "hstrlen",
    "llen", "rename", "rpush", "unlink",
    "xadd", "xinfo", "xrevrange",
    "zadd", "zcard", "zcount", "zlexcount", "zmscore", "zrange", "zrangebylex", "zrangebyscore", "zrem",
    "zremrangebylex", "zscore",
)  # fmt: skip
LOOKING = ("hgetall", "hscan", "xrange", "zscan")
"""What those who look need beside the commands of the scripts."""
FOR_THE_DISK = ("config|get", "waitaof")
"""What only ``durable`` needs; Redis before 7.2 has no WAITAOF, and refuses the word."""
COMMANDS = (*CONNECTING, *CALLING, *WAITING, *IN_SCRIPTS, *LOOKING)


def rules(namespace: str, password: str) -> tuple[str, ...]:
    """What to say to ``ACL SETUSER NAME`` for a user of one namespace and nothing else."""
    allowed = (f"+{command}" for command in COMMANDS)
    return ("reset", "on", f">{password}", "resetchannels", f"~{{{namespace}}}:*", "-@all", *allowed)
