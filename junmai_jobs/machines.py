"""What this machine has that jobs may need: memory of its own, and cards with theirs.

A *pool* is what one worker offers of it: one for the host, and one for each card, named so that every process
that offers the same card names it alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psutil
import pynvml

from junmai_jobs.errors import OptionError
from junmai_jobs.host import host_name
from junmai_jobs.lanes import check_amounts

_MEGABYTE = 2**20
_MOST_CARDS = 64
OF_A_CARD = frozenset({"gpu", "vram_mb"})


def offers(given: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    """The pools of this host as lua/lib/find_machine.lua reads them: ``pool``, its name, and amounts.

    Args:
        given: what to offer instead of what is found; ``gpu`` is a number of cards, ``vram_mb`` that of each.
    """
    if given is None:
        return [{"pool": host_name(), "ram_mb": psutil.virtual_memory().total // _MEGABYTE}, *_cards()]
    if not isinstance(given, Mapping):
        raise OptionError(f"offers is {given!r}; give a dict as in {{'gpu': 1, 'vram_mb': 8000}}")
    cards = given.get("gpu", 0)
    if type(cards) not in {int, float} or not 0 <= cards <= _MOST_CARDS or cards != int(cards):
        raise OptionError(f"a worker offers gpu {cards!r}; give a whole number of cards, to {_MOST_CARDS}")
    named = check_amounts({name: amount for name, amount in given.items() if name != "gpu"}, "offers")
    host = {name: amount for name, amount in named.items() if name not in OF_A_CARD}
    card = {"gpu": 1.0, **{name: amount for name, amount in named.items() if name in OF_A_CARD}}
    return [
        {"pool": host_name(), **host},
        *({"pool": f"{host_name()}/gpu{number}", **card} for number in range(int(cards))),
    ]


def can_serve(pools: Sequence[Mapping[str, Any]], needs: Mapping[str, float]) -> bool:
    """Whether all of these needs could ever be met at once."""
    card = {name: amount for name, amount in needs.items() if name in OF_A_CARD}
    rest = {name: amount for name, amount in needs.items() if name not in OF_A_CARD}
    return _has(card, [pool for pool in pools if "gpu" in pool]) and _has(
        rest, [pool for pool in pools if "gpu" not in pool]
    )


def _has(wanted: Mapping[str, float], pools: Sequence[Mapping[str, Any]]) -> bool:
    return not wanted or any(
        all(pool.get(name, 0) >= amount for name, amount in wanted.items()) for pool in pools
    )


def name_of(card: Any, nvml: Any) -> str:
    """The name of one of NVIDIA's cards, and of its pool, as the library or one like it tells."""
    name = nvml.nvmlDeviceGetUUID(card)
    return name.decode() if isinstance(name, bytes) else str(name)


def _cards() -> list[dict[str, Any]]:
    """NVIDIA's cards; none where there is no driver."""
    cards: list[dict[str, Any]] = []
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            for number in range(pynvml.nvmlDeviceGetCount()):
                with suppress(pynvml.NVMLError):  # one that is broken hides no other
                    cards.append(_card(pynvml.nvmlDeviceGetHandleByIndex(number)))
        finally:
            pynvml.nvmlShutdown()
    return cards


def _card(card: Any) -> dict[str, Any]:
    offer = {"pool": name_of(card, pynvml), "gpu": 1}
    with suppress(pynvml.NVMLError):  # it may have none of its own, and share the host's
        offer["vram_mb"] = pynvml.nvmlDeviceGetMemoryInfo(card).total // _MEGABYTE
    return offer
