"""Scores pictures with the brisque package, in an environment of its own: paths in, a number a line out.

The package works with numpy before 2.4 only, and needs 0.1 to 4 s for a picture: it sees 512 px.
"""

from __future__ import annotations

import sys

import numpy as np
from brisque import BRISQUE  # type: ignore[import-not-found]
from PIL import Image

LARGEST = 512  # px


def main() -> None:
    """Score until the input ends; the higher the number, the worse; ``nan`` where the package fails."""
    judge = BRISQUE(url=False)
    for line in sys.stdin:
        with Image.open(line.strip()) as image:
            picture = image.convert("RGB")
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
        try:
            found = float(judge.score(np.asarray(picture)))
        except Exception:  # noqa: BLE001 - whatever it makes of a flat picture
            found = float("nan")
        print(found, flush=True)


if __name__ == "__main__":
    main()
