"""Makes the screenshots of the dashboard in ``docs/images``, of a studio in which much goes on.

python -m tests.bridge.dashboard.screenshots [FOLDER]
"""

from __future__ import annotations

import argparse
import io
import tempfile
from contextlib import closing
from pathlib import Path

from PIL import Image

from benchmarks.photo_quality.screenshots import shoot
from junmai_jobs import JobQueue
from junmai_jobs.bridge import create_blueprint
from junmai_jobs.bridge.serving import app_of
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.tasks.photos import process_photo
from tests.bridge.dashboard.page import Dashboard
from tests.bridge.dashboard.scene import Scene
from tests.bridge.live import served
from tests.browser import browser
from tests.homes import in_home
from tests.servers import RedisProcess

SCREENS = (
    ("dashboard-1400-light", 1400, 1000, "light", "en"),
    ("dashboard-1400-dark", 1400, 1000, "dark", "en"),
    ("dashboard-400-light", 400, 1300, "light", "en"),
    ("dashboard-400-dark", 400, 1300, "dark", "en"),
    ("dashboard-ja", 1400, 1000, "light", "ja"),
)
"""Their names, width and height in px, the system's light and its language."""
ORDER = ("IMG_2101.JPG", "IMG_2102.JPG", "IMG_2001.JPG", "IMG_0011.JPG", "IMG_0008.JPG")
"""The photographs that have failed, and those that are worked on."""
LEFT = 14
"""So many of them are not done yet."""
CUT_OFF = "is cut off, its end is missing: copy it from the card again"


def photographs(folder: Path) -> list[Path]:
    """Those of a shoot, in the order in which a scene takes them."""
    found = sorted(folder.rglob("*.JPG"))
    return sorted(found, key=lambda path: ORDER.index(path.name) if path.name in ORDER else len(ORDER))


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/images"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        server = RedisProcess(Path(name)).start()
        try:
            take(chosen.folder, Path(name), server.url)
        finally:
            server.stop()


def take(folder: Path, place: Path, redis_url: str) -> None:
    """Make them in a folder, with a home and the photographs in a place for the time."""
    config = load_config(environ=in_home(place / "home"))
    paths = photographs(shoot(place / "Wedding in May"))
    with closing(JobQueue(redis_url, config=config)) as jobs, Catalog(config.home / "catalog.db") as catalog:
        session = catalog.session("Wedding in May", place / "Wedding in May")
        photos = catalog.photo_ids(session, paths)
        broken = {path: f"{path.name} {CUT_OFF}" for path in paths[:2]}
        for path, error in broken.items():
            catalog.record_failure(photos[path], error)
        for path in paths[LEFT:]:
            process_photo(photos[path], path, catalog=config.home / "catalog.db")
        scene = Scene(jobs, session, {path: photos[path] for path in paths[:LEFT]}, broken)
        app = app_of(create_blueprint(jobs, auth="local"))
        with served(app) as port, browser(place / "profile") as tab:
            page = Dashboard(tab, f"http://127.0.0.1:{port}/")
            for title, width, height, scheme, language in SCREENS:
                scene.sign_in()
                page.open(width, height, scheme, language)
                page.wait_for("[...document.images].every((each) => each.complete)")
                with Image.open(io.BytesIO(tab.picture())) as picture:
                    picture.convert("RGB").quantize(256).save(folder / f"{title}.png", optimize=True)


if __name__ == "__main__":
    main()
