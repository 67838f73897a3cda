"""What a check has found."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Whether all is well (None: that could not be found out), what there is, and what to type or set."""

    ok: bool | None
    detail: str
    fix: str = ""


class Check(NamedTuple):
    """A finding under its name: of the JSON one of ``checks``."""

    name: str
    ok: bool | None
    detail: str
    fix: str


def fine(detail: str) -> Finding:
    """All is well."""
    return Finding(ok=True, detail=detail)


def wrong(detail: str, fix: str) -> Finding:
    """Something is to be done; ``fix`` is a command to type, or a setting."""
    return Finding(ok=False, detail=detail, fix=fix)


def unknown(why: str) -> Finding:
    """It could not be found out."""
    return Finding(ok=None, detail=f"not known: {why}")


def together(findings: list[Finding]) -> Finding:
    """Several findings of one check: as bad as the worst of them."""
    said = [each.ok for each in findings]
    ok = False if False in said else None if None in said else True
    fixes = dict.fromkeys(each.fix for each in findings if each.fix)
    return Finding(ok, "; ".join(each.detail for each in findings), "; ".join(fixes))


def size(amount: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} GiB"


def listed(names: list[str], most: int = 5) -> str:
    """The first of many names."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
