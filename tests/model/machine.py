"""The state machine: each call is made on the store and on the model, and the outcomes are compared."""

from __future__ import annotations

from tests.model.chores import Chores
from tests.model.people import People
from tests.model.running import Running


class Machine(Running, Chores, People):
    """Makes each call on the store and on the model, and compares answers and outcomes.

    Few rules with much choice inside: the choice among rules is not an even one.
    """
