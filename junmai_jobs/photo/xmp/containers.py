"""The XMP inside of a JPEG or TIFF: where it is, and the same file with another one.

Only the bytes of the XMP are changed, and those that say where it is or how long. So the compressed picture
and all other metadata stay as they are, byte for byte. Where the XMP goes is told by part 3 of Adobe's XMP
specification (2016): a JPEG's APP1 segment, tag 700 of a TIFF's first IFD; a DNG is a TIFF.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Protocol

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.xmp.packet import Xmp, fitted

_REMEDY = "have Lightroom's plugin apply the preset instead"


class Container(Protocol):
    """A file that may hold XMP."""

    @property
    def xmp(self) -> bytes | None:
        """The packet that is in it."""

    @property
    def is_rated(self) -> bool:
        """Whether the camera, or Windows, has noted stars in its EXIF."""

    def having(self, xmp: bytes) -> bytes:
        """Return the file with this packet in the place of the one it has.

        Raises:
            SidecarRefused: it has no room for that, or something else in it would be broken by it.
        """


def container(data: bytes, name: str) -> Container | None:
    """Take a file apart, told by its first bytes; None for any but JPEG and TIFF.

    Raises:
        SidecarRefused: it is damaged, or its XMP is kept in a way that is not understood here.
    """
    if data.startswith(b"\xff\xd8"):
        return Jpeg(data, name)
    return Tiff(data, name) if data[:4] in _TIFFS else None


def is_rated(data: bytes, name: str) -> bool:
    """Tell whether a picture, or the first part of its file, has stars in its EXIF or its XMP."""
    try:
        held = container(data, name)
        if held is None:
            return False
        return held.is_rated or (held.xmp is not None and Xmp(held.xmp, name).is_rated)
    except SidecarError:  # then nobody else reads a rating in it either
        return False


# ---- JPEG ------------------------------------------------------------------------------------------


_EXIF, _XMP, _MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_APP0, _APP1, _SOS, _EOI = 0xE0, 0xE1, 0xDA, 0xD9
_MOST = 0xFFFF - 2 - len(_XMP)  # bytes of a packet
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # one that may end the compressed data
_MP_ENTRIES, _MP_ENTRY = 0xB002, 16  # the tag; bytes of one: flags, length, place, and what depends on it
# Pictures and films behind the picture, whose places are noted by their lengths or from the end of the file.
_TOLD_IN_XMP = (b"MicroVideo", b"MotionPhoto", b"Container:Directory")
_SAMSUNG = b"SEFT"


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int
    body: int
    end: int


class Jpeg:
    """A JPEG; see ``container``."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name = data, name
        self._segments = self._read_segments()
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
        return self._data[packet.body + len(_XMP) : packet.end].rstrip(b"\0") if packet else None

    @property
    def is_rated(self) -> bool:
        """Whether its EXIF has stars."""
        for segment in self._having_header(_EXIF):
            exif = self._data[segment.body + len(_EXIF) : segment.end]
            try:
                return Tiff(exif, self._name).is_rated
            except SidecarRefused:  # broken EXIF rates nothing
                return False
        return False

    def having(self, xmp: bytes) -> bytes:
        """Return the file with this packet; what follows it moves, with all that notes its place."""
        start, end = self._place()
        parts = self._having_header(_MPF)
        if len(xmp) > _MOST:
            raise SidecarRefused(
                f"{self._name} would hold more XMP than fits a JPEG ({_MOST} bytes): {_REMEDY}"
            )
        segment = struct.pack(">BBH", 0xFF, _APP1, 2 + len(_XMP) + len(xmp)) + _XMP + xmp
        growth = len(segment) - (end - start)
        if growth:
            self._insist_that_it_can_grow(parts)
        new = bytearray().join((self._data[:start], segment, self._data[end:]))
        if parts and growth:
            at = self._length_in(parts[0])
            (length,) = struct.unpack_from(at[1], self._data, at[0])
            struct.pack_into(at[1], new, at[0] + growth, length + growth)
        return bytes(new)

    def _place(self) -> tuple[int, int]:
        """Return from where to where the packet goes: where it is, or behind the EXIF, which comes first."""
        if self._packet:
            return self._packet.start, self._packet.end
        at = 2
        for segment in self._segments:
            is_exif = self._data.startswith(_EXIF, segment.body)
            if not (segment.marker == _APP0 or (segment.marker == _APP1 and is_exif)):
                break
            at = segment.end
        return at, at

    def _insist_that_it_can_grow(self, parts: list[_Segment]) -> None:
        """Refuse a file with data behind its picture of which perhaps only the maker notes tell the place."""
        if parts and self._packet and parts[0].start < self._packet.start:
            raise SidecarRefused(
                f"{self._name} has no room for more XMP before its second picture: {_REMEDY}"
            )
        if parts or not self._having_header(_EXIF):
            return
        behind = self._data[self._end_of_picture() :].strip(b"\0\r\n\xff")
        is_told = any(word in (self.xmp or b"") for word in _TOLD_IN_XMP) or behind.endswith(_SAMSUNG)
        if behind and not is_told:
            raise SidecarRefused(
                f"{self._name} holds data behind its picture which nobody would find any more: {_REMEDY}"
            )

    def _length_in(self, parts: _Segment) -> tuple[int, str]:
        """Return where a multi-picture file (CIPA DC-007) notes how long its first picture is, and how."""
        base = parts.body + len(_MPF)
        try:
            index = Tiff(self._data[base : parts.end], self._name)
        except SidecarRefused:
            index = None
        entry = index and index.entry(_MP_ENTRIES)
        if not index or not entry or entry.count < _MP_ENTRY or base + entry.value + _MP_ENTRY > parts.end:
            raise SidecarRefused(
                f"{self._name} holds several pictures, and a damaged list of them: {_REMEDY}"
            )
        return base + entry.value + 4, f"{index.order}I"

    def _having_header(self, header: bytes) -> list[_Segment]:
        return [each for each in self._segments if self._data.startswith(header, each.body, each.end)]

    def _read_segments(self) -> list[_Segment]:
        segments: list[_Segment] = []
        at = 2
        while True:
            segment = self._segment(at)
            if segment.marker in {_SOS, _EOI}:
                return segments
            segments.append(segment)
            at = segment.end

    def _segment(self, at: int) -> _Segment:
        data, start = self._data, at
        while data[at : at + 2] == b"\xff\xff":  # it may be filled up so
            at += 1
        head = data[at : at + 4]
        end = at + 2 + int.from_bytes(head[2:], "big")
        if len(head) < 4 or head[0] != 0xFF or end < at + 4 or end > len(data):
            raise SidecarRefused(f"{self._name} is damaged before its picture begins: copy it again")
        return _Segment(head[1], start, at + 4, end)

    def _end_of_picture(self) -> int:
        """Return where the first picture ends; one that is cut off ends with the file."""
        at = self._segments[-1].end if self._segments else 2
        while found := _MARKER.search(self._data, at):
            at = found.end()
            if found[0][1] == _EOI:
                return at
            at += int.from_bytes(self._data[at : at + 2], "big")
        return len(self._data)


# ---- TIFF ------------------------------------------------------------------------------------------

_TIFFS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
_PACKET, _RATING = 700, 0x4746
_BYTE, _OF_BYTES, _SHORT = 1, {1, 2, 6, 7}, 3


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    value: int  # or its place
    at: int


class Tiff:
    """A TIFF or BigTIFF; see ``container``. What is new goes to its end, so that nothing moves."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name = data, name
        if data[:4] not in _TIFFS:
            raise self._damaged()
        self.order, self._is_big = _TIFFS[data[:4]], b"+" in data[:4]
        # How the number of entries, an entry, and a place in the file are written.
        self._number, self._entry, self._offset = ("Q", "HHQQ", "Q") if self._is_big else ("H", "HHII", "I")
        try:
            self._ifd = self._unpack(self._offset, self._pointer)[0]
            self._entries, self._next = self._read_ifd(self._ifd)
        except (struct.error, OverflowError):
            raise self._damaged() from None

    @property
    def xmp(self) -> bytes | None:
        """The packet that is in it."""
        entry = self.entry(_PACKET)
        if entry is None or entry.count <= self._size(self._offset):  # which would stand in the entry
            return None
        if entry.kind not in _OF_BYTES or entry.value + entry.count > len(self._data):
            raise self._damaged()
        return self._data[entry.value : entry.value + entry.count].rstrip(b"\0") or None

    @property
    def is_rated(self) -> bool:
        """Whether it has stars beside its XMP."""
        rating = self.entry(_RATING)
        if rating is None or rating.kind != _SHORT:
            return False
        return self._unpack("H", rating.at + self._size(self._entry) - self._size(self._offset))[0] > 0

    def entry(self, tag: int) -> _Entry | None:
        """Return an entry of the first IFD."""
        return next((each for each in self._entries if each.tag == tag), None)

    def having(self, xmp: bytes) -> bytes:
        """Return the file with this packet: where the old one is, if it fits there, else at the end."""
        old, new = self.entry(_PACKET), bytearray(self._data)
        if old and self.xmp is not None and len(xmp) <= old.count:
            new[old.value : old.value + old.count] = fitted(xmp, old.count)
            return bytes(new)
        new += b"\0" * (len(new) % 2)  # what is noted in a TIFF begins at an even place
        place = len(new)
        new += xmp + b"\0" * (len(xmp) % 2)
        told = struct.pack(self.order + self._entry, _PACKET, _BYTE, len(xmp), place)
        if old:
            new[old.at : old.at + len(told)] = told
            return bytes(new)
        self._insist_that_nothing_leads_back()
        struct.pack_into(self.order + self._offset, new, self._pointer, len(new))
        return bytes(new + self._ifd_with(told))

    def _ifd_with(self, told: bytes) -> bytes:
        """Return the first IFD with one more entry, at its place among the others."""
        size = len(told)
        entries = [self._data[each.at : each.at + size] for each in self._entries]
        where = next((n for n, each in enumerate(self._entries) if each.tag > _PACKET), len(entries))
        entries.insert(where, told)
        head, tail = (struct.pack(self.order + kind, value) for kind, value in
                      ((self._number, len(entries)), (self._offset, self._next)))  # fmt: skip
        return b"".join((head, *entries, tail))

    def _read_ifd(self, ifd: int) -> tuple[list[_Entry], int]:
        """Return the entries of an IFD, and where the next one is."""
        (count,) = self._unpack(self._number, ifd)
        at, size = ifd + self._size(self._number), self._size(self._entry)
        if not count or at + count * size > len(self._data):
            raise self._damaged()
        places = range(at, at + count * size, size)
        return [self._entry_at(place) for place in places], self._unpack(self._offset, at + count * size)[0]

    def _entry_at(self, place: int) -> _Entry:
        tag, kind, count, value = self._unpack(self._entry, place)
        return _Entry(tag, kind, count, value, place)

    def _insist_that_nothing_leads_back(self) -> None:
        """Refuse a file whose last picture is followed by its first one, which is about to move."""
        seen, ifd = {self._ifd}, self._next
        while ifd:
            if ifd in seen:
                raise self._damaged()
            seen.add(ifd)
            try:
                ifd = self._read_ifd(ifd)[1]
            except (struct.error, OverflowError, SidecarRefused):
                return

    @property
    def _pointer(self) -> int:
        """Where the header tells of the first IFD."""
        return 8 if self._is_big else 4

    def _unpack(self, kind: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + kind, self._data, at)

    def _size(self, kind: str) -> int:
        return struct.calcsize(self.order + kind)

    def _damaged(self) -> SidecarRefused:
        return SidecarRefused(f"{self._name} is no TIFF that is understood here: {_REMEDY}")
