"""Pure functions on pictures: find them, read their EXIF, judge them. Nothing here knows of queues.

Needs the extra ``photo``. Pillow, numpy, OpenCV and exifread are imported inside this package only.
"""
