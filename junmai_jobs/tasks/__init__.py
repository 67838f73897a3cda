"""The tasks that come with Junmai Jobs."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

_PHOTO_LIBRARIES = ("PIL", "cv2", "exifread", "numpy")


def photo_task_modules() -> tuple[str, ...]:
    """The modules that register the photo tasks; none where the extra ``photo`` is not installed."""
    if any(find_spec(library) is None for library in _PHOTO_LIBRARIES):
        return ()
    return tuple(f"junmai_jobs.tasks.{name}" for name in ("photos", "sessions", "exports", "chores"))


def register_photo_tasks() -> bool:
    """Register the photo tasks where the extra ``photo`` is installed; whether it is.

    The libraries themselves are first imported by the process that runs such a task.
    """
    modules = photo_task_modules()
    for module in modules:
        importlib.import_module(module)
    return bool(modules)
