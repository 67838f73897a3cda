"""Puts a process into the background: whoever sits at the machine comes first, at its cores and its disks."""

from __future__ import annotations

import contextlib
import sys

import psutil


def stand_back(nice: int) -> None:
    """Have the calling process stand back: its CPU as ``nice`` says, 1 to 19, its I/O the furthest; 0: not.

    A process that stands further back already stays there, and what the system refuses stays as it is. On
    Windows, which has no such numbers, it is below normal. Call it in the main thread before there are
    others: threads and processes that are started later stand where their starter does.
    """
    if nice < 1:
        return
    process = psutil.Process()
    for lower in (_lower_cpu, _lower_io):
        with contextlib.suppress(psutil.Error, OSError):
            lower(process, nice)


def _lower_cpu(process: psutil.Process, nice: int) -> None:
    if sys.platform == "win32":
        if process.nice() not in {psutil.IDLE_PRIORITY_CLASS, psutil.BELOW_NORMAL_PRIORITY_CLASS}:
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif process.nice() < nice:
        process.nice(nice)


def _lower_io(process: psutil.Process, _nice: int) -> None:
    """macOS has no such thing for a process but its niceness."""
    if sys.platform == "win32":
        if process.ionice() not in {psutil.IOPRIO_VERYLOW, psutil.IOPRIO_LOW}:
            process.ionice(psutil.IOPRIO_LOW)
    elif sys.platform == "linux" and process.ionice().ioclass != psutil.IOPRIO_CLASS_IDLE:
        process.ionice(psutil.IOPRIO_CLASS_BE, 7)
