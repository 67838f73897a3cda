"""The tasks that come with Junmai Jobs."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

_PHOTO_LIBRARIES = ("PIL", "cv2", "exifread", "imagehash", "numpy")


def register_photo_tasks() -> bool:
    """Register the photo tasks where the extra ``photo`` is installed; whether it is.

    The libraries themselves are first imported by the process that runs such a task.
    """
    if any(find_spec(library) is None for library in _PHOTO_LIBRARIES):
        return False
    importlib.import_module("junmai_jobs.tasks.photos")
    importlib.import_module("junmai_jobs.tasks.sessions")
    importlib.import_module("junmai_jobs.tasks.chores")
    return True
