"""What the dashboard is made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from junmai_jobs.bridge import pages

if TYPE_CHECKING:
    from tests.bridge.studio import Studio

FOLDER = Path(pages.__file__).with_name("dashboard")

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def test_it_is_made_of_its_own_files_alone(studio: Studio) -> None:
    client = studio.app.test_client()  # which has no token
    far = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/", environ_base=far).data == (FOLDER / "index.html").read_bytes()
    for path in (each for each in FOLDER.rglob("*") if each.is_file()):
        place, kind = f"/assets/{path.relative_to(FOLDER).as_posix()}", KINDS.get(path.suffix)
        answer = client.get(place, environ_base=far)
        assert (answer.status_code == 200) == (kind is not None), place
        if kind is not None:
            assert answer.mimetype == kind
            assert "'unsafe" not in answer.headers["Content-Security-Policy"]
            again = client.get(place, environ_base=far, headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status_code == 304
    for name in ("../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "", "etc/passwd", "index.html/"):
        assert client.get(f"/assets/{name}").status_code == 404


def test_nothing_of_it_comes_from_elsewhere() -> None:
    for path in FOLDER.rglob("*"):
        if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts:
            assert not re.search(
                r"https?:|@import|url\(|innerHTML|unsafe|eval\(| style=", path.read_text("utf-8")
            )


def test_each_library_has_its_licence_beside_it() -> None:
    told = (FOLDER / "vendor" / "README.md").read_text("utf-8")
    for folder in (each for each in (FOLDER / "vendor").iterdir() if each.is_dir()):
        assert (folder / "LICENSE").is_file()
        assert f"{folder.name}@" in told
