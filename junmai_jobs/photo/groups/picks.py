"""Which of a session's photographs are worth a second look: its picks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junmai_jobs.photo.groups.grouping import Group


def choose(scores: Mapping[int, float], groups: Sequence[Group], threshold: float) -> set[int]:
    """Choose the best of each group, and of the photos in no group those that reach the threshold.

    A burst was shot because its moment mattered, so one frame of it stays whatever it scores.

    Args:
        scores: overall score (1.0 to 5.0) by photo.
        groups: as ``similar.group`` returns them.
        threshold: ``ai.selection_threshold``, 1.0 to 5.0.
    """
    grouped = {photo for group in groups for photo in group.members}
    alone = {photo for photo, score in scores.items() if photo not in grouped and score >= threshold}
    return alone | {group.pick for group in groups}
