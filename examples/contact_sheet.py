"""A contact sheet of a folder's JPEGs, beside the folder: python contact_sheet.py FOLDER."""

import sys
from pathlib import Path

from PIL import Image, ImageOps

from junmai_jobs import Abort, JobQueue, RetryPolicy, current_job, task

EDGE = 256  # px


@task(queue="low_priority", timeout=600, retry=RetryPolicy(max_retries=3))
def make_contact_sheet(folder: str, columns: int = 5) -> str:
    """Make FOLDER-sheet.jpg; a run that lost its job to another one cannot replace it."""
    job = current_job()
    photos = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() == ".jpg")
    if not photos:
        raise Abort(f"there are no JPEGs in {folder}")
    sheet = Image.new("RGB", (columns * EDGE, -(-len(photos) // columns) * EDGE), "white")
    for number, photo in enumerate(photos):
        job.check_cancelled()
        job.progress(number, len(photos), message=photo.name)
        with Image.open(photo) as picture:
            picture.thumbnail((EDGE, EDGE))
            sheet.paste(ImageOps.exif_transpose(picture), (number % columns * EDGE, number // columns * EDGE))
    temporary = Path(f"{Path(folder)}-sheet.{job.token}.part")
    sheet.save(temporary, "JPEG")
    return job.publish(temporary, f"{Path(folder)}-sheet.jpg")


if __name__ == "__main__":
    jobs = JobQueue()  # or JobQueue("redis://host:6379/0", namespace="studio")
    handle = jobs.submit(make_contact_sheet, sys.argv[1], columns=4)
    with jobs.worker(concurrency=3):  # in this process; or `junmai-jobs --tasks contact_sheet worker`
        print(handle.result(timeout=60))
