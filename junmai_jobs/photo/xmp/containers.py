"""The XMP inside of a JPEG or TIFF: where it is, and the same file with another one.

Only the bytes of the XMP are changed, and those that say where it is or how long. So the compressed picture
and all other metadata stay as they are, byte for byte. Where the XMP goes is told by part 3 of Adobe's XMP
specification (2016): a JPEG's APP1 segment, tag 700 of a TIFF's first directory; a DNG is a TIFF.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, Protocol

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.pictures.jpeg import (
    APP0,
    APP1,
    END_OF_IMAGE,
    EXIF_MARK,
    START_OF_SCAN,
    Segment,
    end_of_picture,
    segments,
)
from junmai_jobs.photo.pictures.previews import boxes
from junmai_jobs.photo.pictures.tiff import Block, Row
from junmai_jobs.photo.xmp.packet import MAX_BYTES, Xmp
from junmai_jobs.photo.xmp.spliced import Change, spliced

_REMEDY = "have Lightroom's plugin apply the preset instead"
_RATING = 0x4746  # in EXIF
_XMP_OF_CR3 = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # marks its box


class Container(Protocol):
    """A file that may hold XMP."""

    @property
    def xmp(self) -> bytes | None:
        """The packet that is in it.

        Raises:
            SidecarRefused: it is cut off, or has more bytes than any program writes.
        """

    @property
    def is_rated(self) -> bool:
        """Whether the camera, or Windows, has noted stars in its EXIF."""

    def having(self, xmp: bytes) -> BinaryIO:
        """Return the file with this packet in the place of the one it has, as ``spliced`` does.

        Raises:
            SidecarRefused: it has no room for that, or something else in it would be broken by it.
        """


def container(file: BinaryIO, name: str) -> Container | None:
    """Take an open file apart, told by its first bytes; None for any but JPEG and TIFF.

    Raises:
        SidecarRefused: it is damaged, or its XMP is kept in a way that is not understood here.
    """
    file.seek(0)
    head = file.read(4)
    if head.startswith(b"\xff\xd8"):
        return Jpeg(file, name)
    return Tiff(file, name) if head in _TIFFS else None


def is_rated(file: BinaryIO, name: str) -> bool:
    """Tell whether an open picture or RAW file has stars in its EXIF or its XMP."""
    try:
        held = container(file, name)
        packet = _packet_of_cr3(file) if held is None else held.xmp
        return (held is not None and held.is_rated) or (packet is not None and Xmp(packet, name).is_rated)
    except SidecarError:  # then nobody else reads a rating in it either
        return False


def _packet_of_cr3(file: BinaryIO) -> bytes | None:
    """Return the XMP in a RAW file of Canon's, in which its cameras note their stars."""
    for kind, start, end in boxes(file):
        file.seek(start)
        content = file.read(min(end - start, MAX_BYTES)) if kind == b"uuid" else b""
        if content.startswith(_XMP_OF_CR3):
            return content.removeprefix(_XMP_OF_CR3).rstrip(b"\0")
    return None


def _is_rated_in(block: Block, rows: dict[int, Row]) -> bool:
    return any(stars > 0 for stars in block.whole_numbers(rows.get(_RATING)))


# ---- JPEG ------------------------------------------------------------------------------------------


_XMP, _MPF = b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_MOST_IN_JPEG = 0xFFFF - 2 - len(_XMP)  # bytes of a packet
_MP_ENTRIES, _MP_ENTRY = 0xB002, 16  # the tag; bytes of one: flags, length, place, and what depends on it
# Pictures and films behind the picture, whose places are noted by their lengths or from the end of the file.
_TOLD_IN_XMP = (b"MicroVideo", b"MotionPhoto", b"Container:Directory")
_SAMSUNG, _STUFFING = b"SEFT", b"\0\r\n\xff"
_PIECE = 2**20  # bytes


class Jpeg:
    """A JPEG; see ``container``."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._size = file.seek(0, io.SEEK_END)
        self._segments = segments(file)
        last = self._segments[-1] if self._segments else None
        if last is None or last.marker not in {START_OF_SCAN, END_OF_IMAGE} or last.end > self._size:
            raise SidecarRefused(f"{name} is damaged before its picture begins: copy it again")
        packets = self._having_header(_XMP)
        if len(packets) > 1:
            raise SidecarRefused(f"{name} holds two packets of XMP, and only one is read: {_REMEDY}")
        if self._having_header(_EXTENSION):
            raise SidecarRefused(f"{name} holds XMP in parts, more than fits one segment: {_REMEDY}")
        self._packet = packets[0] if packets else None

    @property
    def xmp(self) -> bytes | None:
        """The packet that is in it."""
        packet = self._packet
        return self._read(packet.body + len(_XMP), packet.end).rstrip(b"\0") if packet else None

    @property
    def is_rated(self) -> bool:
        """Whether its EXIF has stars."""
        found = (Block.at(self._file, each.body + len(EXIF_MARK)) for each in self._having_header(EXIF_MARK))
        return any(_is_rated_in(head[0], head[0].rows(head[1])) for head in found if head)

    def having(self, xmp: bytes) -> BinaryIO:
        """Return the file with this packet; what follows it moves, with all that notes its place."""
        start, end = self._place()
        parts = self._having_header(_MPF)
        if len(xmp) > _MOST_IN_JPEG:
            raise SidecarRefused(
                f"{self._name} would hold more XMP than fits a JPEG ({_MOST_IN_JPEG} bytes): {_REMEDY}"
            )
        segment = struct.pack(">BBH", 0xFF, APP1, 2 + len(_XMP) + len(xmp)) + _XMP + xmp
        changes = [Change(start, end, segment)]
        growth = len(segment) - (end - start)
        if growth:
            self._insist_that_it_can_grow(parts)
            changes += [self._told_longer(parts[0], growth)] if parts else []
        return spliced(self._file, changes)

    def _place(self) -> tuple[int, int]:
        """Return from where to where the packet goes: where it is, or behind the EXIF, which comes first."""
        if self._packet:
            return self._packet.start, self._packet.end
        at, with_exif = 2, self._having_header(EXIF_MARK)
        for segment in self._segments:
            if segment.marker != APP0 and segment not in with_exif:
                break
            at = segment.end
        return at, at

    def _insist_that_it_can_grow(self, parts: list[Segment]) -> None:
        """Refuse a file with data behind its picture of which perhaps only the maker notes tell the place."""
        if parts and self._packet and parts[0].start < self._packet.start:
            raise SidecarRefused(
                f"{self._name} has no room for more XMP before its second picture: {_REMEDY}"
            )
        if parts or not self._having_header(EXIF_MARK):
            return
        is_told = any(word in (self.xmp or b"") for word in _TOLD_IN_XMP)
        if not is_told and self._has_data_behind():
            raise SidecarRefused(
                f"{self._name} holds data behind its picture which nobody would find any more: {_REMEDY}"
            )

    def _has_data_behind(self) -> bool:
        """Whether there is anything behind the first picture that is not found from the end of the file."""
        end = end_of_picture(self._file, self._segments[-1]) or self._size  # of one that is cut off
        last = self._read(max(end, self._size - _PIECE), self._size)
        if last.rstrip(_STUFFING).endswith(_SAMSUNG):
            return False
        return any(
            self._read(at, min(at + _PIECE, self._size)).strip(_STUFFING)
            for at in range(end, self._size, _PIECE)
        )

    def _told_longer(self, parts: Segment, growth: int) -> Change:
        """Return how a multi-picture file (CIPA DC-007) has to note that its first picture grew so much."""
        base = parts.body + len(_MPF)
        block, first = Block.at(self._file, base) or (None, 0)
        entry = block.rows(first).get(_MP_ENTRIES) if block else None
        if block and entry and entry.size >= _MP_ENTRY and entry.place + _MP_ENTRY <= parts.end:
            place = entry.place + 4
            (length,) = struct.unpack(f"{block.order}I", self._read(place, place + 4))
            if -growth <= length <= self._size:
                return Change(place, place + 4, struct.pack(f"{block.order}I", length + growth))
        raise SidecarRefused(f"{self._name} holds several pictures, and a damaged list of them: {_REMEDY}")

    def _having_header(self, header: bytes) -> list[Segment]:
        return [
            each for each in self._segments
            if self._read(each.body, min(each.body + len(header), each.end)) == header
        ]  # fmt: skip

    def _read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)


# ---- TIFF ------------------------------------------------------------------------------------------

_TIFFS = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
_PACKET = 700
_BYTE, _OF_BYTES = 1, {1, 2, 6, 7}
_MOST_PICTURES = 10_000


class Tiff:
    """A TIFF or BigTIFF; see ``container``. What is new goes to its end, so that nothing moves."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._size = file.seek(0, io.SEEK_END)
        head = Block.at(file)
        if head is None:
            raise self._damaged()
        self._block, self._first = head
        self._rows = self._block.rows(self._first)
        count, self._table = self._block.table(self._first)
        if not count or len(self._table) < count * self._block.row_size:
            raise self._damaged()

    @property
    def xmp(self) -> bytes | None:
        """The packet that is in it."""
        row = self._rows.get(_PACKET)
        if row is None or row.count <= struct.calcsize(f"={self._block.offset_code}"):  # it stands in the row
            return None
        if row.size > MAX_BYTES:
            raise SidecarRefused(f"{self._name} holds more than {MAX_BYTES // 2**20} MiB of XMP: {_REMEDY}")
        if row.kind not in _OF_BYTES or row.place + row.size > self._size:
            raise self._damaged()
        return self._block.read(row.place, row.size).rstrip(b"\0") or None

    @property
    def is_rated(self) -> bool:
        """Whether it has stars beside its XMP."""
        return _is_rated_in(self._block, self._rows)

    def having(self, xmp: bytes) -> BinaryIO:
        """Return the file with this packet: where the old one is, if it fits there, else at the end."""
        old = self._rows.get(_PACKET)
        if old and self.xmp is not None and len(xmp) <= old.size:
            return spliced(self._file, [Change(old.place, old.place + old.size, xmp.ljust(old.size, b"\0"))])
        end, order = self._size, self._block.order
        place = end + end % 2  # what is noted in a TIFF begins at an even place
        new = bytes(end % 2) + xmp + bytes(len(xmp) % 2)
        told = struct.pack(order + self._block.row_code, _PACKET, _BYTE, len(xmp), place)
        if old:
            return spliced(self._file, [Change(old.at, old.at + len(told), told), Change(end, end, new)])
        self._insist_that_nothing_leads_back()
        pointer = struct.pack(order + self._block.offset_code, end + len(new))
        at = len(pointer)  # 4, or 8 in a BigTIFF
        new += self._directory_with(told)
        return spliced(self._file, [Change(at, 2 * at, pointer), Change(end, end, new)])

    def _directory_with(self, told: bytes) -> bytes:
        """Return the first directory with one more row, at its place among the others."""
        rows = [self._table[at : at + len(told)] for at in range(0, len(self._table), len(told))]
        tag = struct.Struct(f"{self._block.order}H")
        where = next((n for n, row in enumerate(rows) if tag.unpack_from(row)[0] > _PACKET), len(rows))
        rows.insert(where, told)
        order, following = self._block.order, self._block.following(self._first)
        count = struct.pack(order + self._block.count_code, len(rows))
        return b"".join((count, *rows, struct.pack(order + self._block.offset_code, following)))

    def _insist_that_nothing_leads_back(self) -> None:
        """Refuse a file whose last picture is followed by its first one, which is about to move."""
        seen, directory = {self._first}, self._block.following(self._first)
        while directory:
            if directory in seen or len(seen) == _MOST_PICTURES:
                raise self._damaged()
            seen.add(directory)
            directory = self._block.following(directory)

    def _damaged(self) -> SidecarRefused:
        return SidecarRefused(f"{self._name} is no TIFF that is understood here: {_REMEDY}")
