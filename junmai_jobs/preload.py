"""What the forkserver imports before it forks a worker's children. Importing it is for the forkserver alone.

A stop often reaches every process at once, as from systemd; it is the supervisor's to heed. If the forkserver
ended of it, the kernel would kill the children with their runs, see ``child.py``.
"""

from __future__ import annotations

from junmai_jobs.child_process import leave_stopping_to_the_parent
from junmai_jobs.scripts import load
from junmai_jobs.sources import beginning

beginning()
leave_stopping_to_the_parent()

# What each child would need some time to make. Called to the word as BrokerBase does: the cache goes by that.
load("step", moved_clock=False)
