"""Makes the screenshots of the contact sheet in ``docs/images``, of a session that ``process`` works on.

python -m benchmarks.photo_quality.screenshots [FOLDER]

The photographs are those of ``SINGLE`` and bursts made of those of ``BURSTS``; two are cut off.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from datetime import datetime
from pathlib import Path

from PIL import ExifTags, Image

from junmai_jobs.demo.bursts import make_burst
from tests.browser import browser
from tests.command_line import CommandLine, home_with_server
from tests.photographs import PIEXIF, SCIKIT_IMAGE, SCIKIT_LEARN, unpacked

BURSTS = {
    "church": (PIEXIF, "piexif-1.1.3/tests/images/L01.jpg"),
    "garden": (SCIKIT_LEARN, "sklearn/datasets/images/china.jpg"),
    "dinner": (SCIKIT_IMAGE, "skimage/data/coffee.png"),
}
SINGLE = (
    (SCIKIT_LEARN, "sklearn/datasets/images/flower.jpg"),
    *((SCIKIT_IMAGE, f"skimage/data/{name}") for name in ("astronaut.png", "chelsea.png", "rocket.jpg")),
    *((PIEXIF, f"piexif-1.1.3/tests/images/{name}") for name in ("02.jpg", "L02.jpg", "large.jpg")),
)
SCREENS = (
    ("contact-sheet-dark", 1600, 1150, "dark", "all"),
    ("contact-sheet-picks", 1600, 1150, "light", "picks"),
    ("contact-sheet-400", 400, 1300, "light", "all"),
)
"""Their names, width and height in px, the system's light, and what is chosen."""


def shoot(folder: Path) -> Path:
    """Make a folder with bursts, photographs alone, and two that are cut off."""
    for number, (name, (package, file)) in enumerate(BURSTS.items(), 1):
        start = datetime(2026, 5, 9, 13 + number, 3)  # noqa: DTZ001 - clocks of cameras have no zone
        make_burst(unpacked(package) / file, folder / name, start=start, seed=number)
    for number, (package, file) in enumerate(SINGLE):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"2026:05:09 17:{number:02}:00"
        with Image.open(unpacked(package) / file) as picture:
            picture.convert("RGB").save(folder / f"IMG_{2001 + number}.JPG", quality=92, exif=exif)
    for number in (1, 2):
        whole = (folder / f"IMG_{2000 + number}.JPG").read_bytes()
        (folder / f"IMG_{2100 + number}.JPG").write_bytes(whole[: len(whole) // 2])
    return folder


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/images"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, home_with_server(Path(name, "home")) as home:
        cli = CommandLine(home, Path(name, "cwd"))
        page = Path(cli.json("process", shoot(Path(name, "Wedding in May")), code=1)["contact_sheet"])
        with browser(Path(name, "profile")) as tab:
            for title, width, height, scheme, shown in SCREENS:
                tab.look_at(page, width, height, scheme)
                tab.say(f"document.getElementById('{shown}').click()")
                tab.load_pictures()
                with Image.open(io.BytesIO(tab.picture())) as picture:
                    picture.convert("RGB").quantize(256).save(chosen.folder / f"{title}.png", optimize=True)


if __name__ == "__main__":
    main()
