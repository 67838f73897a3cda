"""Who looks out of a photograph: how many faces, and where."""

from __future__ import annotations

import functools
import threading
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from PIL import Image

LARGEST = 400
"""px; the longer edge of the picture in which faces are looked for: twice that takes four times as long."""
SMALLEST = 24
"""px; the width of a face there. The detector has learnt 20, but those alone take it a third of its time."""

Box = tuple[int, int, int, int]  # left, top, right, bottom in px

_CASCADE = "haarcascade_frontalface_alt2.xml"
_STEP, _WITNESSES = 1.2, 3  # from one size to the next; in how many of them, or beside, a face is found
_one_at_a_time = threading.Lock()  # a detector holds what it works on


def find_faces(gray: Image.Image) -> list[Box] | None:
    """Find the faces that look at the camera and are not too small, as they are in a reduced picture.

    It is reduced by the least whole factor that leaves at most ``LARGEST`` px. Where it leaves about so many,
    as of 1500 or 1600, a face has to be a sixteenth of the longer edge wide; where it leaves fewer, up to
    about an eighth; in a picture that was smaller from the start, more.

    Args:
        gray: the picture, upright, of mode ``L``.

    Returns:
        A box each, in px of ``gray``; None where OpenCV has no detector for them, as in its wheels of
        version 5.
    """
    detector = _detector()
    if detector is None:
        return None
    factor = -(-max(gray.size) // LARGEST)
    small = np.asarray(gray.reduce(factor))
    with _one_at_a_time:
        found = detector.detectMultiScale(
            small, scaleFactor=_STEP, minNeighbors=_WITNESSES, minSize=(SMALLEST, SMALLEST)
        )
    return [
        (int(x) * factor, int(y) * factor, int(x + width) * factor, int(y + height) * factor)
        for x, y, width, height in found
    ]


@functools.cache
def _detector() -> Any:
    """Load the face detector, as text: OpenCV cannot open every path on Windows."""
    try:
        learnt = files("cv2.data").joinpath(_CASCADE).read_text("utf-8")
        detector = cv2.CascadeClassifier()
    except (ImportError, OSError, AttributeError):
        return None
    storage = cv2.FileStorage(learnt, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    return detector if detector.read(storage.getFirstTopLevelNode()) else None
