"""Picks: the best of each group, the good ones alone, and never one that the photographer has rejected."""

from __future__ import annotations

import pytest

from junmai_jobs.photo.groups.grouping import Group
from junmai_jobs.photo.groups.picks import choose, without_rejected

BURST = Group((1, 2, 3), 2, "Sharpest of 3.", (2, 3, 1))


def test_a_burst_has_one_pick_and_others_are_chosen_by_their_scores() -> None:
    assert choose({1: 4.9, 2: 1.1, 3: 4.8, 4: 3.5, 5: 3.4}, [BURST], 3.5) == {2, 4}


@pytest.mark.parametrize(
    ("rejected", "pick", "reason"),
    [
        (set(), 2, "Sharpest of 3."),
        ({1, 3}, 2, "Sharpest of 3."),
        ({2}, 3, "Best of the 2 that you did not reject."),
        ({2, 3}, 1, "You rejected all others."),
        ({1, 2, 3}, 2, "Sharpest of 3."),
    ],
)
def test_the_next_best_is_the_pick_where_the_best_was_rejected(
    rejected: set[int], pick: int, reason: str
) -> None:
    (group,) = without_rejected([BURST], rejected)
    assert (group.pick, group.reason, group.members) == (pick, reason, BURST.members)
