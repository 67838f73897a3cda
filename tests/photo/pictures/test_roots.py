"""A photograph is opened where its session is and nowhere else, whatever a payload says or somebody swaps."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import ExportPreset, load_config
from junmai_jobs.errors import Abort
from junmai_jobs.job import Call
from junmai_jobs.migrations import MIGRATIONS
from junmai_jobs.photo.errors import PhotoGone, PhotoRefused, shown
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.pictures.files import find_photos
from junmai_jobs.photo.pictures.opening import Roots, opened
from junmai_jobs.quarantine import input_id
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import analyze_exif, evaluate_quality, process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE, RETRY
from junmai_jobs.tasks.sessions import apply_preset
from tests.command_line import CommandLine
from tests.photo.pictures.raw_files import cr2
from tests.photographs import scenes
from tests.servers import RedisProcess

SWAPS = 10_000
INSIDE, OUTSIDE = b"of the session", b"somebody's own"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices are those of POSIX")


def touched(path: Path, content: bytes = INSIDE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    """A folder with a photograph; beside it is one that belongs to nobody here."""
    touched(tmp_path / "outside" / "secret.jpg", OUTSIDE)
    touched(tmp_path / "shoot 2" / "secret.jpg", OUTSIDE)
    return touched(tmp_path / "shoot" / "a.jpg").parent


# ---- what is refused -----------------------------------------------------------------------------


def _linked(shoot: Path, target: Path, name: str = "link.jpg") -> Path:
    (shoot / name).symlink_to(target)
    return shoot / name


def _pipe(shoot: Path) -> Path:
    os.mkfifo(shoot / "pipe.jpg")
    return shoot / "pipe.jpg"


def _socket(shoot: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(shoot):
        made.bind("socket.jpg")
    return shoot / "socket.jpg"


def _device(shoot: Path) -> Path:
    try:
        os.mknod(shoot / "zero.jpg", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except OSError:
        pytest.skip("only root may make a device")
    return shoot / "zero.jpg"


def _made(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


REFUSED: dict[str, Callable[[Path], Path]] = {
    "a file of the system": lambda _: Path("/etc/shadow"),
    "outside": lambda shoot: shoot.parent / "outside" / "secret.jpg",
    "beside, with the folder's name in front": lambda shoot: shoot.parent / "shoot 2" / "secret.jpg",
    "up and out": lambda shoot: shoot / ".." / "outside" / "secret.jpg",
    "up and in again": lambda shoot: shoot / ".." / "shoot" / "a.jpg",
    "a link out": lambda shoot: _linked(shoot, shoot.parent / "outside" / "secret.jpg"),
    "a relative link out": lambda shoot: _linked(shoot, Path("../outside/secret.jpg")),
    "a folder that is a link out": lambda shoot: _linked(shoot, shoot.parent / "outside", "l") / "secret.jpg",
    "a link to a link out": lambda shoot: _linked(
        shoot, _linked(shoot, shoot.parent / "outside" / "secret.jpg"), "second.jpg"
    ),
    "a link to a device": lambda shoot: _linked(shoot, Path("/dev/zero")),
    "a link to a link's own place": lambda shoot: _linked(shoot, Path("/proc/self/exe")),
    "a link to itself": lambda shoot: _linked(shoot, shoot / "link.jpg"),
    "a device": _device,
    "a pipe": _pipe,
    "a socket": _socket,
    "a folder": lambda shoot: _made(shoot / "folder.jpg"),
    "a file as a folder": lambda shoot: shoot / "a.jpg" / "b.jpg",
    "no photograph by its name": lambda shoot: touched(shoot / "notes.txt"),
    "a relative path": lambda _: Path("a.jpg"),
    "another computer's": lambda _: Path("//nas/share/a.jpg"),
    "another computer's, as Windows has it": lambda _: Path(r"\\nas\share\a.jpg"),
    "an address": lambda _: Path("file:///etc/passwd.jpg"),
    "a NUL": lambda shoot: shoot / "a.jpg\0.jpg",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_none_of_the_photographs_is_refused_unread(
    kind: str, shoot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = REFUSED[kind](shoot)
    monkeypatch.chdir(shoot)
    monkeypatch.setattr(os, "fdopen", lambda *_: pytest.fail("it is read"))

    with pytest.raises(PhotoRefused) as error, opened(path, Roots((shoot,))):
        pytest.fail("it is opened")

    assert RETRY.decide(1, error.value) is None, "it would be tried again"
    assert str(error.value).isprintable()
    assert str(shoot.parent / "outside") not in str(error.value)


def test_without_a_root_nothing_is_opened(shoot: Path) -> None:
    with pytest.raises(PhotoRefused, match=r"^a\.jpg is in none of the folders that may be read"):
        Roots(()).open(shoot / "a.jpg")


def test_what_is_not_there_may_come_back(shoot: Path) -> None:
    for path in (shoot / "gone.jpg", shoot / "gone" / "a.jpg"):
        with pytest.raises(PhotoGone), opened(path, Roots((shoot,))):
            pytest.fail("it is opened")


def test_links_within_the_roots_are_followed(shoot: Path, tmp_path: Path) -> None:
    """Through a folder whose names may not be listed, too, as other people's homes are."""
    touched(tmp_path / "other" / "b.jpg")
    _linked(shoot, Path("a.jpg"))
    _linked(shoot, tmp_path / "other", "folder")
    shoot.chmod(0o311)
    for path in (shoot / "a.jpg", shoot / "link.jpg", shoot / "folder" / "b.jpg"):
        with opened(path, Roots((shoot, tmp_path / "other"))) as photo:
            assert (photo.path, photo.file.read()) == (path, INSIDE)
    shoot.chmod(0o755)


def test_every_reader_reads_the_file_that_was_opened(tmp_path: Path) -> None:
    """Whatever has its name by then."""
    first, second = scenes()[:2]
    photo = Path(shutil.copy(first, tmp_path / "a.jpg"))
    with opened(photo, Roots((tmp_path,))) as open_one:
        photo.unlink()
        assert read_exif(open_one) == read_exif(first)
        assert load_color(open_one, 300).tobytes() == load_color(first, 300).tobytes()
        photo.symlink_to(second)
        made, wanted = tmp_path / "made.jpg", tmp_path / "wanted.jpg"
        for source, final in ((open_one, made), (first, wanted)):
            export(source, ExportPreset(name="Web", max_dimension=300), final)
    assert made.read_bytes() == wanted.read_bytes()


def test_a_name_that_a_terminal_would_obey_is_escaped() -> None:
    odd = Path("/x/a\x1b[2J\nb\x85\u202e写　真.jpg")
    assert shown(odd) == r"a\x1b[2J\nb\x85\u202e写　真.jpg"


# ---- who swaps what meanwhile --------------------------------------------------------------------


_SWAP_THE_FOLDER = """
    os.rename(album, kept)
    os.symlink(outside, album)
    os.unlink(album)
    os.rename(kept, album)
"""
_SWAP_THE_FILE = """
    os.symlink(outside + "/secret.jpg", kept)
    os.rename(kept, album + "/secret.jpg")
    os.link(spare, kept)
    os.rename(kept, album + "/secret.jpg")
"""


@pytest.mark.parametrize("swap", [_SWAP_THE_FOLDER, _SWAP_THE_FILE], ids=["folder", "file"])
def test_a_swap_never_opens_what_is_outside(shoot: Path, swap: str) -> None:
    """However the two fall together: 10,000 times the path leads out while it is being opened."""
    path, roots = touched(shoot / "album" / "secret.jpg"), Roots((shoot,))
    code = f"import os, sys\nalbum, kept, spare, outside = sys.argv[1:]\nfor _ in range({SWAPS}):{swap}"
    places = (shoot / "album", shoot / "kept", shoot / "a.jpg", shoot.parent / "outside")
    found: Counter[str] = Counter()
    with subprocess.Popen([sys.executable, "-c", code, *map(str, places)]) as swapper:
        while swapper.poll() is None:
            try:
                with opened(path, roots) as photo:
                    found[photo.file.read().decode()] += 1
            except (PhotoRefused, PhotoGone) as error:
                found[type(error).__name__] += 1
    assert swapper.returncode == 0
    assert found.keys() == {INSIDE.decode(), *found.keys() & {"PhotoRefused", "PhotoGone"}}
    assert found.total() - found[INSIDE.decode()] > 10, "it was hardly ever swapped"


@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("folder", "os.path.realpath"),
        ("file", "os.path.realpath"),
        pytest.param(
            "file",
            "os.stat",
            marks=pytest.mark.skipif(
                not hasattr(os, "O_PATH"), reason="the system looks and opens in one step"
            ),
        ),
    ],
)
def test_a_swap_just_after_a_step_opens_nothing(
    shoot: Path, monkeypatch: pytest.MonkeyPatch, what: str, step: str
) -> None:
    """Where the race above may never hit: between resolving, looking and opening."""
    path, outside = touched(shoot / "album" / "secret.jpg"), shoot.parent / "outside"
    swapped, target = (path, outside / path.name) if what == "file" else (path.parent, outside)
    do: Callable[..., object] = os.stat if step == "os.stat" else os.path.realpath

    def do_and_swap(*asked: Any, **options: Any) -> object:
        found = do(*asked, **options)
        swapped.rename(shoot / "kept")
        swapped.symlink_to(target)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(step, do_and_swap)
        with pytest.raises(PhotoRefused, match=r"secret\.jpg is refused: it"):
            Roots((shoot,)).open(path)
    assert path.read_bytes() == OUTSIDE, "it was not swapped"


# ---- where the roots come from -------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path / "home"))
    return _made(tmp_path / "home")


@pytest.fixture
def catalog(home: Path) -> Iterator[Catalog]:
    with Catalog(home / CATALOG_FILE) as catalog:
        yield catalog


@pytest.fixture
def wedding(tmp_path: Path) -> Path:
    """A folder with a real photograph; one that is nobody's business is beside it."""
    (tmp_path / "private").mkdir()
    shutil.copy(scenes()[1], tmp_path / "private" / "secret.jpg")
    shutil.copy(scenes()[0], _made(tmp_path / "wedding") / "a.jpg")
    return tmp_path / "wedding"


def added(catalog: Catalog, folder: Path, name: str = "wedding") -> dict[str, int]:
    """What ``process`` does with a folder: the ids of its photos, by their names."""
    session, folder = catalog.session(name, folder.resolve()), folder.resolve()
    ids = catalog.photo_ids(session, [photo.path for photo in find_photos(folder)])
    return {str(path.relative_to(folder)): photo_id for path, photo_id in ids.items()}


def test_a_folder_that_is_given_as_a_link_and_links_in_it_to_other_folders(
    catalog: Catalog, wedding: Path, tmp_path: Path
) -> None:
    (tmp_path / "card").symlink_to(wedding)
    (wedding / "second card").symlink_to(tmp_path / "private")
    (wedding / "again.jpg").symlink_to("a.jpg")
    ids = added(catalog, tmp_path / "card", "named otherwise")
    assert ids.keys() == {"a.jpg", "again.jpg", "second card/secret.jpg"}
    for photo_id in ids.values():
        assert process_photo(photo_id)["bytes"] > 0


def test_a_link_is_believed_where_it_led_when_its_folder_was_processed(
    catalog: Catalog, wedding: Path, tmp_path: Path
) -> None:
    cards = [_made(tmp_path / name) for name in ("first", "second")]
    for card in cards:
        shutil.copy(wedding / "a.jpg", card)
    (wedding / "card").symlink_to(cards[0])
    photo = added(catalog, wedding)["card/a.jpg"]
    (wedding / "card").unlink()
    (wedding / "card").symlink_to(cards[1])
    with pytest.raises(PhotoRefused, match="is a link that leads out of the folders that may be read"):
        process_photo(photo)
    added(catalog, wedding)
    assert process_photo(photo)["bytes"] > 0


def test_one_photograph_that_is_a_link_out_needs_a_root(
    home: Path, catalog: Catalog, wedding: Path, tmp_path: Path
) -> None:
    (wedding / "best.jpg").symlink_to(tmp_path / "private" / "secret.jpg")
    photo = added(catalog, wedding)["best.jpg"]
    with pytest.raises(PhotoRefused, match=r"name that in photo\.roots of config\.json"):
        process_photo(photo)
    row = catalog.photo_row(photo)
    assert row is not None
    assert (row.status, row.sha256) == ("failed", None)
    (tmp_path / "library").symlink_to(tmp_path / "private")
    roots = {"photo": {"roots": [str(tmp_path / "library")]}}
    (home / "config.json").write_text(json.dumps(roots), "utf-8")
    assert process_photo(photo)["bytes"] > 0


def test_a_session_opens_no_door_to_the_photographs_of_another(catalog: Catalog, wedding: Path) -> None:
    portraits = _made(wedding.parent / "portraits")
    shutil.copy(wedding / "a.jpg", portraits / "b.jpg")
    first, second = added(catalog, wedding)["a.jpg"], added(catalog, portraits, "portraits")["b.jpg"]
    with pytest.raises(PhotoRefused):
        process_photo(first, portraits / "b.jpg")
    with pytest.raises(PhotoRefused):
        analyze_exif(999, portraits / "b.jpg")
    assert process_photo(second)["bytes"] == process_photo(first)["bytes"]
    added(catalog, portraits, "wedding")  # which has two folders now
    assert process_photo(first, portraits / "b.jpg")["path"] == portraits / "b.jpg"


def test_a_catalog_from_before_knows_the_folders_of_its_sessions(home: Path, wedding: Path) -> None:
    with closing(sqlite3.connect(home / CATALOG_FILE)) as db, db:
        for statement in (*MIGRATIONS[0], *MIGRATIONS[1]):
            db.execute(statement)
        db.execute("PRAGMA user_version = 2")
        db.execute("INSERT INTO sessions VALUES (1, 's', ?, '2026-01-01', NULL, NULL, 0)", (str(wedding),))
        db.execute(
            "INSERT INTO photos (file_path, import_time) VALUES (?, '2026-01-01')", (str(wedding / "a.jpg"),)
        )
        db.execute("INSERT INTO session_photos (session_id, photo_id) VALUES (1, 1)")
    assert process_photo(1)["bytes"] > 0


def test_no_sidecar_is_written_where_a_link_leads_out(catalog: Catalog, wedding: Path) -> None:
    raw = cr2(wedding / "b.cr2")
    private = wedding.parent / "private"
    raw.with_suffix(".xmp").symlink_to(private / "new.xmp")
    with pytest.raises(PhotoRefused, match=r"new\.xmp|b\.xmp"):
        apply_preset(added(catalog, wedding)["b.cr2"])
    assert [path.name for path in private.iterdir()] == ["secret.jpg"]
    raw.with_suffix(".xmp").unlink()
    assert apply_preset(added(catalog, wedding)["b.cr2"])["status"] == "written"


def test_no_digest_is_taken_of_what_the_task_must_not_read(
    catalog: Catalog, wedding: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's files are digested before its task is called."""
    photo, secret = added(catalog, wedding)["a.jpg"], wedding.parent / "private" / "secret.jpg"
    opened_files: list[str] = []

    def noted(path: Any, *args: Any, **kwargs: Any) -> int:
        opened_files.append(os.fspath(path))
        return os_open(path, *args, **kwargs)

    os_open = os.open
    monkeypatch.setattr(os, "open", noted)
    monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, noted})

    def id_of(of: Any, **kwargs: Any) -> str:
        return input_id(of, Call(of.name, [], kwargs, {}))

    with_companion: list[Any] = [process_photo, evaluate_quality]
    for of in with_companion:
        assert id_of(of, photo_id=photo, path=wedding / "a.jpg")
        assert not id_of(of, photo_id=photo, path=wedding / "a.jpg", companion=secret)
    for of in (*with_companion, analyze_exif):
        assert id_of(of, photo_id=photo, path=str(wedding / "a.jpg"))
        for path in (secret, _linked(wedding, secret, f"{of.name}.jpg"), "/etc/shadow"):
            assert not id_of(of, photo_id=photo, path=path)
        assert not id_of(of, photo_id=999, path=wedding / "a.jpg")
        assert not id_of(of, path=wedding / "a.jpg")
    assert "a.jpg" in opened_files, "it is not seen what is opened"
    assert not [path for path in opened_files if path.endswith(("secret.jpg", "shadow"))]


# ---- in the worker -------------------------------------------------------------------------------


def test_a_payload_that_names_what_it_must_not_fails_at_once(
    server: RedisProcess, home: Path, catalog: Catalog, wedding: Path, tmp_path: Path
) -> None:
    """Each is a photograph, or would have its reader wait for ever: were it read, it would not end so."""
    secret = tmp_path / "private" / "secret.jpg"
    links = [_linked(wedding, secret, "link.jpg"), _linked(wedding, secret.parent, "folder") / "secret.jpg"]
    paths: list[Any] = [
        secret, "/etc/shadow", wedding / ".." / "private" / "secret.jpg", *links, _pipe(wedding), wedding,
        Path("/dev/zero"), "//nas/a.jpg", f"{wedding}/a.jpg\0", "a.jpg", 7, {"a": 1},
    ]  # fmt: skip
    cr3 = touched(wedding / "b.cr3", b"\0\0\0\x18ftypcrx " + bytes(1000))  # needs its companion
    photo = catalog.photo_ids(catalog.session("s", wedding), [wedding / "a.jpg", cr3])
    before = hashlib.sha256(secret.read_bytes()).hexdigest()
    with closing(JobQueue(server.url, config=load_config())) as jobs:
        refused = [jobs.submit(process_photo, photo[wedding / "a.jpg"], path) for path in paths]
        for path in (secret, links[1]):
            refused.append(jobs.submit(analyze_exif, photo[cr3], path))
            refused.append(jobs.submit(evaluate_quality, photo[cr3], path))
            refused.append(jobs.submit(process_photo, photo[cr3], companion=path))
            refused.append(
                jobs.submit(export_photo, photo[cr3], destination=tmp_path / "out", companion=path)
            )
        (tmp_path / "evil").mkdir()
        with Catalog(tmp_path / "evil" / CATALOG_FILE) as evil:
            evil.photo_id(evil.session("s", secret.parent), secret)
        foreign = jobs.submit(process_photo, 1, secret, catalog=tmp_path / "evil" / CATALOG_FILE)
        created = jobs.submit(process_photo, 1, catalog=tmp_path / "new" / CATALOG_FILE)
        good = jobs.submit(process_photo, photo[wedding / "a.jpg"], catalog=home / "." / CATALOG_FILE)
        cli = CommandLine(home, tmp_path / "cwd", {"JUNMAI_REDIS_URL": server.url})
        assert cli.run("worker", "--burst").code == 0
        found = [handle.job() for handle in refused]
        others = [foreign.job(), created.job()]
        assert good.job().status == "succeeded"
    for job in found:
        assert job.status == "failed", job.kwargs
        assert job.error is not None
        assert (job.error["type"].rpartition(".")[2], job.attempt) == ("PhotoRefused", 1), job.error[
            "message"
        ]
        assert before not in json.dumps(job.history)
    for job in others:
        assert job.error is not None
        assert job.error["type"].endswith(Abort.__name__)
        assert (job.status, job.attempt) == ("failed", 1)
        assert "is not this worker's catalog" in job.error["message"]
    assert not (tmp_path / "new").exists()
