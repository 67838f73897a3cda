"""Who a job waits for, and what it does when one of them does not succeed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from junmai_jobs.errors import REUSED, OptionError
from junmai_jobs.job import check_id

if TYPE_CHECKING:
    from junmai_jobs.workflow import Planned

Policy = Literal["cancel", "continue", "failure"]
POLICIES = ("cancel", "continue", "failure")
PARENTS_LIMIT = 20_000


class Named(Protocol):
    """A job with an id: one that is planned, or the handle of one that is submitted."""

    @property
    def id(self) -> str:
        """Its id."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One parent of a job."""

    id: str
    policy: str = ""
    """What the child does when the parent does not succeed; empty: what its ``after_policy`` says."""
    reads: bool = False
    """Whether the child reads the parent's result."""
    planned: Planned[Any] | None = field(default=None, compare=False, repr=False)
    """The parent, where it may not be submitted yet."""

    @property
    def is_answered(self) -> bool:
        """Whether the parent's submission was answered at once: it has succeeded, and is no job."""
        return self.id.startswith(REUSED)


def edge(parent: Named | str, policy: Policy) -> Edge:
    """A parent for ``after=``, with a policy of its own.

    Args:
        parent: a planned job, a handle or an id.
        policy: if the parent does not succeed: ``cancel`` the child, or ``continue`` all the same; or
            ``failure``: run only then, and be cancelled otherwise.

    Raises:
        OptionError: there is no such policy, or it is no job.
    """
    if policy not in POLICIES:
        raise OptionError(f"the policy is {policy!r}; give {_one_of(POLICIES)}")
    return replace(_as_edge(parent), policy=policy)


def as_edges(after: object) -> tuple[Edge, ...]:
    """What the option ``after`` names: one or several jobs, handles, ids (also as ``POLICY=ID``) or edges.

    Raises:
        OptionError: something else is among them, or too many.
    """
    parents = [after] if isinstance(after, str) or not isinstance(after, Iterable) else list(after)
    if len(parents) > PARENTS_LIMIT:
        raise OptionError(f"after names {len(parents):,} jobs, the limit is {PARENTS_LIMIT:,}")
    return merged(_as_edge(parent) for parent in parents)


def merged(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Each parent once: the first that names a policy says it, and one that reads makes it read."""
    found: dict[str, Edge] = {}
    for each in edges:
        known = found.get(each.id)
        if known is not None:
            reads, planned = known.reads or each.reads, known.planned or each.planned
            each = replace(known, policy=known.policy or each.policy, reads=reads, planned=planned)  # noqa: PLW2901
        found[each.id] = each
    return tuple(found.values())


def check_edges(edges: Sequence[Edge], after_policy: str) -> None:
    """Refuse what contradicts itself.

    Raises:
        OptionError: ``failure`` stands beside another policy, or on a parent whose result is read.
    """
    if after_policy not in POLICIES:
        raise OptionError(f"after_policy is {after_policy!r}; give {_one_of(POLICIES)}")
    on_failure = [each for each in edges if (each.policy or after_policy) == "failure"]
    if on_failure and len(on_failure) < len(edges):
        raise OptionError(
            "a job waits for the failure of all its parents or of none: give all the same policy"
        )
    if any(each.reads for each in on_failure):
        raise OptionError("a job that runs when a parent fails has no result of it to read")
    if any(each.is_answered for each in on_failure):
        raise OptionError(
            "it waits for the failure of what has succeeded: its submission was answered at once"
        )


def written(edges: Sequence[Edge], after_policy: str) -> str:
    """The edges as ``NewJob.dependencies`` and lua/lib/block.lua have them."""
    awaited = (each for each in edges if not each.is_answered)
    return " ".join(f"{each.policy or after_policy}{'+' * each.reads}={each.id}" for each in awaited)


def parents_in(dependencies: str) -> list[str]:
    """The ids in what ``written`` has made."""
    return [each.partition("=")[2] for each in dependencies.split()]


def _as_edge(parent: object) -> Edge:
    if isinstance(parent, Edge):
        return parent
    if isinstance(parent, str):
        policy, named, job_id = parent.rpartition("=")
        if not named or policy in POLICIES:
            return Edge(check_id(job_id, "after"), policy)
    planned: Edge | None = getattr(parent, "as_parent", None)
    return planned or Edge(check_id(getattr(parent, "id", parent), "after"))


def _one_of(names: Sequence[str]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"
