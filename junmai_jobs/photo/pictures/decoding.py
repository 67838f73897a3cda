"""Decodes a picture once: small, upright, and whole or not at all."""

from __future__ import annotations

import importlib.util
import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

from PIL import Image

from junmai_jobs.photo.errors import PhotoError, ReaderMissing, UnreadablePhoto
from junmai_jobs.photo.pictures import previews
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.pictures.jpeg import MOST_SEGMENTS, segments
from junmai_jobs.photo.pictures.opening import Photograph, opened
from junmai_jobs.photo.pictures.scaling import size_within

MAX_PIXELS = 300_000_000  # of the whole picture, before it is reduced
MAX_METADATA = 64 * 2**20  # bytes of all that stands before the pixels of a JPEG, or beside those of a PNG
MIN_PREVIEW_EDGE = 640  # px; a smaller JPEG in a RAW is a thumbnail, and says nothing of the focus
WHOLE = "whole"
"""Under which the ``info`` of what ``load_color`` returns has the longer edge, in px, that the file has."""

_SIGNATURES = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_TURNS = {  # EXIF orientation -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x112
_ZEROS = bytes(512)
_PIECE = 2**20  # bytes
_MOST_CHUNKS = 1_000_000  # of a PNG
# What Pillow raises on a broken file; an OSError that has an errno is the drive's.
_BROKEN = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, EOFError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_settings = threading.RLock()

Taken = TypeVar("Taken")


def load_color(photo: Photograph, long_edge: int) -> Image.Image:
    """Decode a picture (mode ``RGB``, as its colour space has it), upright and of its ``working_size``.

    A JPEG is decoded at a half, a quarter or an eighth of its size where that is enough, yet to its very end.
    A smaller picture is not enlarged. Of a RAW file the embedded preview is taken.

    Raises:
        UnreadablePhoto: empty, truncated, broken, not a picture, or of more than ``MAX_PIXELS``.
        ReaderMissing: a format for which a library is missing.
        PhotoGone: not there, or its drive does not give it.
    """
    with opened(photo) as open_one:
        file, name = open_one.file, open_one.name
        return (_preview if is_raw(open_one.path) else _decode)(file, name, long_edge)


def working_size(size: tuple[int, int], long_edge: int) -> tuple[int, int]:
    """Return the size (width, height in px) at which a picture is looked at: at most ``long_edge`` px.

    One that has up to a fifteenth more is left as it is: a reduction by so little would average some pixels
    and not others, and hide the blocks of a JPEG.
    """
    return size if max(size) * 15 <= long_edge * 16 else size_within(size, long_edge)


@contextmanager
def pillow_limits() -> Iterator[None]:
    """Hold Pillow to ``MAX_PIXELS`` and keep it from warning about odd metadata, for this block only.

    Both settings are the whole process's, so one thread at a time may be in here.
    """
    with _settings, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def picture_format(head: bytes, name: str) -> str:
    """Tell the format of a picture, as Pillow calls it, from its first 12 bytes; no RAW is known here."""
    for signature, known in _SIGNATURES.items():
        if head.startswith(signature):
            return known
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] != b"ftyp":
        raise UnreadablePhoto(f"{name} is not a picture, whatever its name says: copy it from the card again")
    return "AVIF" if head[8:12] in {b"avif", b"avis"} else "HEIF"


def decodable_format(file: BinaryIO, name: str) -> str:
    """Tell the format of an open picture, having made Pillow ready for it, and go back to its start.

    Raises:
        UnreadablePhoto: it is no picture, or Pillow would read more than ``MAX_METADATA``.
        ReaderMissing: a library for its format is missing.
    """
    file.seek(0)
    kind = picture_format(file.read(12), name)
    if _metadata_size(file, kind) > MAX_METADATA:
        raise UnreadablePhoto(f"{name} has more beside its picture than any camera writes: export it anew")
    file.seek(0)
    if kind == "HEIF":
        try:
            importlib.import_module("pillow_heif").register_heif_opener()
        except ImportError as error:
            message = f"{name} is a HEIC picture: install pillow-heif to read it, or export it as a JPEG"
            raise ReaderMissing(message) from error
    return kind


def taken_from(file: BinaryIO, name: str, take: Callable[[Image.Image], Taken]) -> Taken:
    """Open a picture and return what ``take`` makes of it; ``take`` has to load it, and whole.

    Raises:
        UnreadablePhoto, ReaderMissing: as ``load_color`` does, also for what goes wrong in ``take``.
        PhotoError: there is not enough memory for it just now.
        OSError: the drive does not give the file.
    """
    kind = decodable_format(file, name)
    # libtiff would map an open file into memory, and a card pulled out would then kill the process.
    source = io.BytesIO(file.read()) if kind == "TIFF" else file
    try:
        with pillow_limits():
            image = Image.open(source, formats=(kind,))
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            taken = take(image)
    except _TOO_LARGE as error:
        message = f"{name} has more than {MAX_PIXELS // 1_000_000} megapixels: export it smaller"
        raise UnreadablePhoto(message) from error
    except MemoryError as error:
        message = f"{name} needs more memory than is free just now: close other programs and try again"
        raise PhotoError(message) from error
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the drive's fault
        cut_off = "truncated" in str(error).lower()
        wrong = "cut off, its end is missing" if cut_off else "damaged, or of a kind not known here"
        raise UnreadablePhoto(f"{name} is {wrong}: copy it from the card again") from error
    if kind == "JPEG" and _is_zeroed(file):
        raise UnreadablePhoto(
            f"{name} ends in zeros, as if its copying broke off: copy it from the card again"
        )
    return taken


def orientation(image: Image.Image) -> int | None:
    """Return how an opened picture wants to be turned: EXIF orientation 1 to 8, or None."""
    try:
        found: int | None = image.getexif().get(_ORIENTATION)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the drive's fault
        return None  # broken EXIF costs no picture
    return found


def upright(image: Image.Image, turned: int) -> Image.Image:
    """Undo an EXIF orientation."""
    turn = _TURNS.get(turned)
    return image if turn is None else image.transpose(turn)


def eight_bits(image: Image.Image) -> Image.Image:
    """Turn deeper gray into mode ``L``; 16 bits keep their upper half, where Pillow would clip them."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "F":
        return image.point(lambda value: value * 255).convert("L")
    return image


def _decode(file: BinaryIO, name: str, long_edge: int, otherwise_turned: int = 1) -> Image.Image:
    """Decode one picture; ``otherwise_turned`` is its orientation where it has none of its own."""
    picture, turned = taken_from(file, name, lambda image: _reduced(image, long_edge))
    return upright(picture, turned or otherwise_turned)


def _reduced(image: Image.Image, long_edge: int) -> tuple[Image.Image, int | None]:
    """Decode an opened picture at its working size; return that and its EXIF orientation."""
    whole = max(image.size)
    size = working_size(image.size, long_edge)
    image.draft("RGB", size)
    image.load()
    # Pillow knows no way from LAB to RGB.
    picture = (image.getchannel("L") if image.mode == "LAB" else eight_bits(image)).convert("RGB")
    if picture.size != size:  # averages, as the JPEG decoder does: equal sharpness
        picture = picture.resize(size, Image.Resampling.BOX)
    picture.info[WHOLE] = whole
    return picture, orientation(image)


def _is_zeroed(file: BinaryIO) -> bool:
    """Tell whether a JPEG runs out into zeros before its end marker, as when the copying broke off.

    Zeros decode without complaint, to gray. Thumbnails, which have end markers too, lie before the scan.
    """
    file.seek(-min(len(_ZEROS), file.seek(0, io.SEEK_END)), io.SEEK_END)
    if file.read() != _ZEROS:
        return False
    file.seek(_scan_of_jpeg(file))
    last = b""
    while piece := file.read(_PIECE):
        if b"\xff\xd9" in last + piece:
            return False
        last = piece[-1:]
    return True


def _scan_of_jpeg(file: BinaryIO) -> int:
    """Return where the compressed picture of a JPEG begins, or the file stops being laid out as before it.

    One with more segments than any camera writes counts as one of more bytes than ``MAX_METADATA``.
    """
    found = segments(file)
    if len(found) == MOST_SEGMENTS:
        return MAX_METADATA + 1
    return found[-1].end if found else 0


def _metadata_size(file: BinaryIO, kind: str) -> int:
    """Return how many bytes Pillow would read at once, or together, for what is no pixel."""
    if kind != "PNG":
        return _scan_of_jpeg(file) if kind == "JPEG" else 0
    total, at = 0, 8
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return total
        length = int.from_bytes(head[:4], "big")
        total += 0 if head[4:] == b"IDAT" else length
        at += 12 + length
    return MAX_METADATA + 1


def whole_previews(file: BinaryIO, take: Callable[[BinaryIO], Taken]) -> Iterator[Taken]:
    """Yield what ``take`` makes of each embedded JPEG of an open RAW file that can be read, largest first."""
    for jpeg in previews.previews(file):
        try:
            taken = take(io.BytesIO(jpeg))
        except UnreadablePhoto:  # the RAW data itself may be a JPEG, of a kind that only RAW developers read
            continue
        yield taken


def not_to_be_seen(name: str) -> UnreadablePhoto:
    """Return the error for a RAW file in which no picture was found."""
    if importlib.util.find_spec("rawpy") is None:
        return ReaderMissing(f"{name} cannot be looked at without rawpy: install it, or shoot RAW with JPEG")
    return UnreadablePhoto(f"{name} holds no picture that can be read: copy it from the card again")


def _preview(file: BinaryIO, name: str, long_edge: int) -> Image.Image:
    """Decode the largest preview in a RAW file that is whole and more than a thumbnail."""
    turned = previews.orientation(file)
    for picture in whole_previews(file, lambda jpeg: _decode(jpeg, name, long_edge, turned)):
        if max(picture.size) >= min(MIN_PREVIEW_EDGE, long_edge):
            del picture.info[WHOLE]  # the preview's
            return picture
    raise not_to_be_seen(name)
