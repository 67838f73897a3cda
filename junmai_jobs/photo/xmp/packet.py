"""XMP as Camera Raw keeps it: reads the properties, and gives the picture other develop settings.

The text is edited at the places where an XML parser finds the properties: ours go into an ``rdf:Description``
of their own, and not a byte of what others wrote is changed or moved, but for what ours replace. The layout
is that of XMP (ISO 16684-1, clause 7); the names are those of Adobe's Camera Raw namespace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.xmp.parser import CRS, RDF, Parser, Property, before

Fields = dict[str, tuple[str, ...]]  # properties of the crs namespace: a text, or the texts of an rdf:Seq
Marks = Mapping[str, str]  # properties of the xmp namespace that stand for a verdict: Rating, Label

MAX_BYTES = 16 * 2**20
"""Of a packet in a photograph; even one with a long history of edits has a tenth of that."""
NO_MARKS: Marks = MappingProxyType({})
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_OURS = "urn:junmai-jobs:sidecar:1.0/"
_OUR_RECORD = frozenset({"Preset", "SettingsDigest"})
_VERSION = "11.0"  # of Camera Raw, for a packet that is new


class Xmp:
    """A packet of XMP, parsed.

    Raises:
        SidecarError: it is not well-formed.
        SidecarRefused: it is not UTF-8, no XMP, or has a DOCTYPE or absurdly deep elements.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._data = data
        parser = Parser(data, name)
        self._about = parser.about
        self._end = before(data, parser.rdf_end)
        self._descriptions = parser.descriptions
        self._outside = "".join(parser.outside)

    @property
    def edits(self) -> Fields:
        """The develop settings, whoever made them."""
        edits: dict[str, list[str]] = {}
        for each in self._properties():
            if each.is_edit:
                edits.setdefault(each.name, []).extend(each.texts)
        return {name: tuple(texts) for name, texts in edits.items()}

    @property
    def is_ours(self) -> bool:
        """Whether the develop settings are those that ``having`` has put there, unchanged."""
        return self._text(_OURS, "SettingsDigest") == _digest(self.edits)

    @property
    def has_our_record(self) -> bool:
        """Whether ``having`` has ever put something there."""
        return any(each.namespace == _OURS for each in self._properties())

    @property
    def extension(self) -> str | None:
        """The suffix of the RAW file that this is of, without its dot, if that is noted."""
        return self._text(_PHOTOSHOP, "SidecarForExtension")

    @property
    def is_rated(self) -> bool:
        """Whether somebody has given stars, or rejected it."""
        return self._text(_XMP, "Rating") not in {None, "0"}

    def marks_with(self, marks: Marks) -> Marks:
        """Return the marks that ``having`` these will have put there: ours, and where nobody set any.

        One of ours that somebody has removed, emptied or changed is not set again.
        """
        own = self._own_marks
        taken = {each.name for each in self._properties() if each.namespace in {_XMP, _OURS}} - own.keys()
        return own | {name: text for name, text in marks.items() if name not in taken}

    def is_having(self, edits: Fields, marks: Marks) -> bool:
        """Whether nothing would change by ``having`` these."""
        return self.edits == edits and self.marks_with(marks) == self._own_marks

    def others(self, edits: Fields) -> tuple[str, list[tuple[str, list[tuple[str, str, bytes]]]]]:
        """Return all but what ``having`` these edits replaces: it is the same afterwards."""
        descriptions = []
        for description in self._descriptions:
            kept = [each for each in description.properties if not self._is_replaced(each, edits)]
            properties = [(each.namespace, each.name, self._data[each.start : each.end]) for each in kept]
            if properties or description.others:
                descriptions.append(("".join(description.others), properties))
        return self._outside, descriptions

    def having(self, edits: Fields, preset: str, marks: Marks = NO_MARKS) -> bytes:
        """Return the packet with these develop settings in the place of those it has, and these marks.

        They are noted as ours, so that ``is_ours`` knows them again, in whatever form a program that changes
        other properties may write them.

        Raises:
            SidecarRefused: what came of it, read again, is not these edits and all the others as they were.
        """
        block = self._block(edits, preset, self.marks_with(marks))
        data = self._spliced(partial(self._is_replaced, edits=edits), block)
        new = self._unharmed(data, edits)
        if not (new and new.is_ours and new.is_having(edits, self.marks_with(marks))):
            raise self._harmed()
        return data

    def without_ours(self) -> bytes | None:
        """Return the packet as it was before ``having`` anything; None if that is what ``blank`` makes.

        To be asked only where the edits are ours.
        """
        data = self._spliced(partial(self._is_replaced, edits={}), b"")
        new = blank(self.extension)
        return None if Xmp(data, self.name).others({}) == Xmp(new, self.name).others({}) else data

    def without_marks(self) -> bytes:
        """Return the packet without the marks that are as ``having`` has set them, as if it never had.

        Raises:
            SidecarRefused: what came of it, read again, is not all the others as they were.
        """
        own = self._own_marks
        data = self._spliced(lambda each: each.namespace in {_XMP, _OURS} and each.name in own, b"")
        new = self._unharmed(data, self.edits)
        if new is None or new._own_marks:  # noqa: SLF001 - it is one of us
            raise self._harmed()
        return data

    def _spliced(self, is_doomed: Callable[[Property], bool], block: bytes) -> bytes:
        """Return the packet without some properties, and with a block before its end."""
        spans = [(self._end, self._end)]
        for description in self._descriptions:
            doomed = [each for each in description.properties if is_doomed(each)]
            if doomed and len(doomed) == len(description.properties) and not description.others:
                spans.append((description.start, description.end))
            else:
                spans += [(each.start, each.end) for each in doomed]
        kept, at = [], 0
        for start, end in sorted(spans):
            kept.append(self._data[at:start])
            at = end
        return b"".join([*kept, block, self._data[self._end :]])

    def _block(self, edits: Fields, preset: str, marks: Marks) -> bytes:
        printable = "".join(filter(str.isprintable, preset))
        attributes = {"rdf:about": self._about, "xmlns:rdf": RDF, "xmlns:crs": CRS, "xmlns:junmai": _OURS}
        noted = {each.name: each.texts[0] for each in self._properties() if _is_note(each)} | dict(marks)
        if marks:
            attributes["xmlns:xmp"] = _XMP
        attributes |= {f"xmp:{name}": text for name, text in marks.items()}
        attributes |= {"junmai:Preset": printable, "junmai:SettingsDigest": _digest(edits)}
        attributes |= {f"junmai:{name}": text for name, text in noted.items()}
        attributes |= {f"crs:{name}": texts[0] for name, texts in edits.items() if len(texts) == 1}
        lists = {name: texts for name, texts in edits.items() if len(texts) != 1}
        lines = [f"\n    {name}={quoteattr(value)}" for name, value in attributes.items()]
        elements = [
            f"\n   <crs:{name}>\n    <rdf:Seq>"
            + "".join(f"\n     <rdf:li>{escape(text)}</rdf:li>" for text in texts)
            + f"\n    </rdf:Seq>\n   </crs:{name}>"
            for name, texts in lists.items()
        ]
        text = "\n  <rdf:Description" + "".join(lines) + ">" + "".join(elements) + "\n  </rdf:Description>"
        return text.encode("ascii", "xmlcharrefreplace")

    def _unharmed(self, data: bytes, edits: Fields) -> Xmp | None:
        """Read a packet that has these edits and all the others as they are; None: it has not."""
        try:
            new = Xmp(data, self.name)
        except SidecarError:
            return None
        return new if new.edits == edits and new.others(edits) == self.others(edits) else None

    def _harmed(self) -> SidecarRefused:
        return SidecarRefused(
            f"{self.name} cannot be changed without harm to what is in it: "
            "save its metadata anew in Lightroom"
        )

    @cached_property
    def _own_marks(self) -> dict[str, str]:
        """Those that are as we noted them when we set them."""
        noted = {each.name: each.texts[0] for each in self._properties() if _is_note(each)}
        return {name: text for name, text in noted.items() if self._text(_XMP, name) == text}

    def _is_replaced(self, each: Property, edits: Fields) -> bool:
        return (
            each.is_edit
            or each.namespace == _OURS
            or (each.namespace == CRS and each.name in edits)
            or (each.namespace == _XMP and each.name in self._own_marks)
        )

    def _properties(self) -> Iterator[Property]:
        for description in self._descriptions:
            yield from description.properties

    def _text(self, namespace: str, name: str) -> str | None:
        return self._first_texts.get((namespace, name))

    @cached_property
    def _first_texts(self) -> dict[tuple[str, str], str]:
        texts: dict[tuple[str, str], str] = {}
        for each in self._properties():
            if each.texts:
                texts.setdefault((each.namespace, each.name), each.texts[0])
        return texts


def blank(extension: str | None = None) -> bytes:
    """Return the XMP of a picture of which nothing is known yet.

    It is a sidecar of a RAW file with this suffix, or for None a packet to be put into the picture.
    """
    owner = f"\n    photoshop:SidecarForExtension={quoteattr(extension)}" if extension is not None else ""
    text = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="junmai-jobs">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:crs="{CRS}"
    xmlns:photoshop="{_PHOTOSHOP}"
    crs:Version="{_VERSION}"{owner}/>
 </rdf:RDF>
</x:xmpmeta>
"""
    if extension is None:
        text = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{text}<?xpacket end="w"?>'
    return text.encode()


def unrated(marks: Marks) -> Marks:
    """Return these marks without stars, for a picture that has some elsewhere."""
    return {name: text for name, text in marks.items() if name != "Rating"}


def may_be_marked(packet: bytes) -> bool:
    """Whether it is worth a look for marks of ours, also where a program has made UTF-16 of it."""
    return _OURS.encode() in packet.replace(b"\0", b"")


def fitted(packet: bytes, length: int) -> bytes:
    """Return a packet with white space before its end, so much that it has this length if it is shorter."""
    at = packet.rfind(b"<?xpacket end=")
    start, end = (packet, b"") if at < 0 else (packet[:at], packet[at:])
    start = start.rstrip() + b"\n"
    return start.ljust(length - len(end)) + end


def _is_note(each: Property) -> bool:
    """Whether it says which mark we have set."""
    return each.namespace == _OURS and each.name not in _OUR_RECORD and bool(each.texts)


def _digest(edits: Fields) -> str:
    return hashlib.sha256(json.dumps(sorted(edits.items())).encode()).hexdigest()
