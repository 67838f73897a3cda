"""A call that must be refused, or must not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def refused_if(refused: bool, error: type[Exception]) -> Iterator[None]:
    """The call in this block is refused with this error, or it is not."""
    if refused:
        with pytest.raises(error):
            yield
    else:
        yield
