"""Which of a session's photographs are worth a second look: its picks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junmai_jobs.photo.groups.grouping import Group


def without_rejected(groups: Sequence[Group], rejected: Collection[int]) -> list[Group]:
    """Let the next best photo be the pick of a group whose best one the photographer has rejected.

    A group of which all are rejected stays as it is.
    """
    return [_passed_on(group, rejected) if group.pick in rejected else group for group in groups]


def _passed_on(group: Group, rejected: Collection[int]) -> Group:
    left = [photo for photo in group.ranked if photo not in rejected]
    if not left:
        return group
    reason = f"Best of the {len(left)} that you did not reject."
    return replace(group, pick=left[0], reason="You rejected all others." if len(left) == 1 else reason)


def choose(scores: Mapping[int, float], groups: Sequence[Group], threshold: float) -> set[int]:
    """Choose the best of each group, and of the photos in no group those that reach the threshold.

    A burst was shot because its moment mattered, so one frame of it stays whatever it scores.

    Args:
        scores: overall score (1.0 to 5.0) by photo.
        groups: as ``grouping.group`` returns them.
        threshold: ``ai.selection_threshold``, 1.0 to 5.0.
    """
    grouped = {photo for group in groups for photo in group.members}
    alone = {photo for photo, score in scores.items() if photo not in grouped and score >= threshold}
    return alone | {group.pick for group in groups}
