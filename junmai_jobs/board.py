"""The board between a child and its parent."""

from __future__ import annotations

import ctypes
from multiprocessing.sharedctypes import RawValue
from typing import Any


class Board(ctypes.Structure):
    """Shared memory, one writer a field but for ``told``. Times are ``time.monotonic``."""

    _fields_ = (
        ("token", ctypes.c_uint64),  # child: of the job that runs, 0 between jobs
        ("deadline", ctypes.c_double),  # child: when that run is to be killed; never, while it waits to begin
        ("id", ctypes.c_char * 129),  # child
        ("jobs", ctypes.c_uint32),  # child: how many it has run
        ("timeout", ctypes.c_double),  # child: how long it may run, in seconds
        ("retry_delay", ctypes.c_double),  # child: what follows if it has to be killed, see timed_out
        ("rung", ctypes.c_uint8),  # child: on which rung of the ladder of memory it runs, see ladder.py
        ("claiming", ctypes.c_bool),  # child: it has read ``least``, and may get a job that is not here yet
        ("alone", ctypes.c_bool),  # child: it runs when no other does, or waits for that
        ("granted", ctypes.c_uint64),  # parent: token of the run that is alone now
        ("cancel", ctypes.c_uint64),  # parent: token of the run that is asked to stop
        ("stop", ctypes.c_bool),  # parent: claim no more
        ("retire", ctypes.c_bool),  # parent: leave when there is nothing to claim
        ("ahead", ctypes.c_uint8),  # child: how many jobs it holds that wait for this run to end
        ("recalled", ctypes.c_uint64),  # parent: token of the run since which they are not the child's
        ("least", ctypes.c_uint8),  # parent: the lowest priority to claim, see resources.py
        ("input_id", ctypes.c_char * 256),  # child: what its run works on, see quarantine.input_id
        ("input_token", ctypes.c_uint64),  # child: the run of which ``input_id`` is true
        ("orders", ctypes.c_uint32),  # parent: how many orders it has sent
        ("orders_read", ctypes.c_uint32),  # child: how many of them it has read
        ("told", ctypes.c_bool),  # child: it has told that it works; parent: and that was heard
    )


def new_board() -> Any:
    """A board that can be handed to a child."""
    return RawValue(Board)
