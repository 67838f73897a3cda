"""XMP as Camera Raw keeps it in sidecars: reads the properties, and gives the picture other develop settings.

The text is edited at the places where an XML parser finds the properties: ours go into an ``rdf:Description``
of their own, and not a byte of what others wrote is changed or moved, but for what ours replace. The layout
is that of XMP (ISO 16684-1, clause 7); the names are those of Adobe's Camera Raw namespace.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from junmai_jobs.photo.errors import SidecarError, SidecarRefused

Fields = dict[str, tuple[str, ...]]  # properties of the crs namespace: a text, or the texts of an rdf:Seq

_MAX_DEPTH = 200  # of elements

_CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_XML = "http://www.w3.org/XML/1998/namespace"
_OURS = "urn:junmai-jobs:sidecar:1.0/"

# What Camera Raw, Lightroom and some cameras put into the crs namespace of a picture that nobody has edited.
_NO_EDIT = frozenset({"RawFileName", "Version"})
_NO_EDIT_IF_FALSE = frozenset({"HasSettings", "HasCrop", "AlreadyApplied"})
_VERSION = "11.0"  # of Camera Raw, for a sidecar that is new

_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_START_TAG = re.compile(rb"<[^\s/>]+(?:" + _ATTRIBUTE.pattern + rb")*\s*/?>")


@dataclass(slots=True)
class _Property:
    """A property of the picture: its texts, and its place in the bytes, white space before it included."""

    namespace: str
    name: str
    start: int
    end: int = 0
    texts: list[str] = field(default_factory=list)

    @property
    def is_edit(self) -> bool:
        if self.namespace != _CRS or self.name in _NO_EDIT:
            return False
        return not (self.name in _NO_EDIT_IF_FALSE and [text.lower() for text in self.texts] == ["false"])


@dataclass(slots=True)
class _Description:
    """An ``rdf:Description`` of the picture; its properties are its attributes and its elements.

    ``others`` is what else it has, such as comments: one that has any is not removed with its last property.
    """

    start: int
    end: int = 0
    properties: list[_Property] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class Xmp:
    """A sidecar, parsed.

    Raises:
        SidecarError: it is not well-formed.
        SidecarRefused: it is not UTF-8, no XMP, or has a DOCTYPE or absurdly deep elements.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._data = data
        parser = _Parser(data, name)
        self._about = parser.about
        self._end = _before(data, parser.rdf_end)
        self._descriptions = parser.descriptions
        self._outside = "".join(parser.outside)

    @property
    def edits(self) -> Fields:
        """The develop settings, whoever made them."""
        edits: Fields = {}
        for each in self._properties():
            if each.is_edit:
                edits[each.name] = edits.get(each.name, ()) + tuple(each.texts)
        return edits

    @property
    def is_ours(self) -> bool:
        """Whether the develop settings are those that ``having`` has put there, unchanged."""
        return self._text(_OURS, "SettingsDigest") == _digest(self.edits)

    @property
    def extension(self) -> str | None:
        """The suffix of the RAW file that this is of, without its dot, if that is noted."""
        return self._text(_PHOTOSHOP, "SidecarForExtension")

    def others(self, edits: Fields) -> tuple[str, list[tuple[str, list[tuple[str, str, bytes]]]]]:
        """Return all but what ``having`` these edits replaces: it is the same afterwards."""
        descriptions = []
        for description in self._descriptions:
            kept = [each for each in description.properties if not _is_replaced(each, edits)]
            properties = [(each.namespace, each.name, self._data[each.start : each.end]) for each in kept]
            if properties or description.others:
                descriptions.append(("".join(description.others), properties))
        return self._outside, descriptions

    def having(self, edits: Fields, preset: str) -> bytes:
        """Return the sidecar with these develop settings in the place of those it has.

        They are marked as ours, so that ``is_ours`` knows them again, in whatever form a program that changes
        other properties may write them.

        Raises:
            SidecarRefused: what came of it, read again, is not these edits and all the others as they were.
        """
        data = self._spliced(edits, preset)
        try:
            new = Xmp(data, self.name)
        except SidecarError:
            new = None
        if not (new and new.edits == edits and new.is_ours and new.others(edits) == self.others(edits)):
            raise SidecarRefused(
                f"{self.name} cannot be changed without harm to what is in it: "
                "save its metadata anew in Lightroom, or remove it"
            )
        return data

    def _spliced(self, edits: Fields, preset: str) -> bytes:
        spans = [(self._end, self._end)]
        for description in self._descriptions:
            doomed = [each for each in description.properties if _is_replaced(each, edits)]
            if doomed and len(doomed) == len(description.properties) and not description.others:
                spans.append((description.start, description.end))
            else:
                spans += [(each.start, each.end) for each in doomed]
        kept, at = [], 0
        for start, end in sorted(spans):
            kept.append(self._data[at:start])
            at = end
        return b"".join([*kept, self._block(edits, preset), self._data[self._end :]])

    def _block(self, edits: Fields, preset: str) -> bytes:
        printable = "".join(filter(str.isprintable, preset))
        attributes = {"rdf:about": self._about, "xmlns:rdf": _RDF, "xmlns:crs": _CRS, "xmlns:junmai": _OURS}
        attributes |= {"junmai:Preset": printable, "junmai:SettingsDigest": _digest(edits)}
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

    def _properties(self) -> Iterator[_Property]:
        for description in self._descriptions:
            yield from description.properties

    def _text(self, namespace: str, name: str) -> str | None:
        for each in self._properties():
            if (each.namespace, each.name) == (namespace, name) and each.texts:
                return each.texts[0]
        return None


def blank(extension: str) -> bytes:
    """Return the sidecar of a RAW file with this suffix, of which nothing is known yet."""
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="junmai-jobs">
 <rdf:RDF xmlns:rdf="{_RDF}">
  <rdf:Description rdf:about=""
    xmlns:crs="{_CRS}"
    xmlns:photoshop="{_PHOTOSHOP}"
    crs:Version="{_VERSION}"
    photoshop:SidecarForExtension={quoteattr(extension)}/>
 </rdf:RDF>
</x:xmpmeta>
""".encode("ascii")


def _is_replaced(each: _Property, edits: Fields) -> bool:
    return each.is_edit or each.namespace == _OURS or (each.namespace == _CRS and each.name in edits)


def _digest(edits: Fields) -> str:
    return hashlib.sha256(json.dumps(sorted(edits.items())).encode()).hexdigest()


def _before(data: bytes, at: int) -> int:
    """Return where the white space before ``at`` begins."""
    while at and data[at - 1] in b" \t\r\n":
        at -= 1
    return at


class _Parser:
    """Finds the properties below the first ``rdf:RDF``; ``rdf_end`` is where its end tag begins.

    ``outside`` is all that is outside of any ``rdf:Description``, but for white space: to be compared.
    The texts of a property are all those in it, and the attributes of what is in it, in their order: enough
    to see whether it changed, and the same for every form in which RDF can be written.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.about = ""
        self.rdf_end = 0
        self.descriptions: list[_Description] = []
        self.outside: list[str] = []
        self._data = data
        self._name = name
        self._depth = self._rdf_depth = 0
        self._is_empty = False  # the element that begins is <empty/>, and ends next
        self._pieces: list[str] = []  # of the text that is being read
        self._expat = parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.namespace_prefixes = parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = lambda text: self._note(f"<!--{text}-->")
        parser.ProcessingInstructionHandler = lambda *texts: self._note(f"<?{texts}?>")
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parse()

    def _parse(self) -> None:
        try:
            self._data.decode("utf-8")
            if b"\0" not in self._data:  # else perhaps UTF-16, which the parser would detect
                self._expat.Parse(self._data, True)  # noqa: FBT003 -- positional only
        except UnicodeDecodeError as error:
            raise SidecarRefused(
                f"{self._name} is not in UTF-8: save its metadata anew, or remove it"
            ) from error
        except expat.ExpatError as error:
            message = f"{self._name} is damaged ({error}): save its metadata anew in Lightroom, or remove it"
            raise SidecarError(message) from error  # or being written just now
        if self.rdf_end <= 0:
            raise SidecarRefused(
                f"{self._name} is not an XMP sidecar: move it away, or rename the photograph"
            )

    def _refuse_doctype(self, *_: object) -> None:
        raise SidecarRefused(f"{self._name} has a DOCTYPE, as no sidecar has: remove it")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SidecarRefused(f"{self._name} is nested too deeply to be a sidecar: remove it")
        namespace, name, _ = _split(tag)
        if not self._rdf_depth and (namespace, name) == (_RDF, "RDF"):
            self._rdf_depth = self._depth
        at, below = self._expat.CurrentByteIndex, self._below()
        source = _START_TAG.match(self._data, at)
        assert source is not None
        self._is_empty = source[0].endswith(b"/>")
        if below < 1:
            self._note(f"<{tag} {attributes}>")
        elif below == 1:
            self.descriptions.append(_Description(_before(self._data, at)))
            if (namespace, name) != (_RDF, "Description"):
                self._note(f"<{tag}>")
            self._take_attributes(at, source[0], attributes)
        elif below == 2:
            self.descriptions[-1].properties.append(_Property(namespace, name, _before(self._data, at)))
        if below > 1:
            self._finish_text()
            self._texts().extend(f"{_split(key)[:2]}={value}" for key, value in attributes.items())

    def _take_attributes(self, at: int, tag: bytes, attributes: dict[str, str]) -> None:
        places = {found[1].decode(): found.span() for found in _ATTRIBUTE.finditer(tag)}
        for key, value in attributes.items():
            namespace, name, prefix = _split(key)
            if name == "about" and namespace in {"", _RDF}:  # without a prefix in the RDF of 1999
                self.about = self.about or value
            elif namespace in {"", _RDF, _XML}:
                self._note(f" {key}={value}")
            else:
                start, end = places[f"{prefix}:{name}"]
                texts = [value.strip()] if value.strip() else []
                found = _Property(namespace, name, at + start, at + end, texts)
                self.descriptions[-1].properties.append(found)

    def _end(self, _: str) -> None:
        at, below = self._expat.CurrentByteIndex, self._below()
        is_empty, self._is_empty = self._is_empty, False
        end = at if is_empty else self._data.index(b">", at) + 1  # <empty/> ends where the parser is
        if below > 1:
            self._finish_text()
        elif below < 1:
            self._note("</>")
        if below == 2:
            self.descriptions[-1].properties[-1].end = end
        elif below == 1:
            self.descriptions[-1].end = end
        elif below == 0:
            self.rdf_end = -1 if is_empty else at
        self._depth -= 1

    def _below(self) -> int:
        """Return how far inside ``rdf:RDF`` the parser is: 1 at a Description, 2 at a property; else -1."""
        return self._depth - self._rdf_depth if self._rdf_depth and not self.rdf_end else -1

    def _texts(self) -> list[str]:
        return self.descriptions[-1].properties[-1].texts

    def _characters(self, text: str) -> None:
        if self._below() > 1:
            self._pieces.append(text)
        elif text := "".join(text.split()):
            self._note(text)

    def _note(self, text: str) -> None:
        """Take note of what is no property, nor in one."""
        below = self._below()
        if below == 1:
            self.descriptions[-1].others.append(text)
        elif below < 1:
            self.outside.append(text)

    def _finish_text(self) -> None:
        if text := "".join(self._pieces).strip():
            self._texts().append(text)
        self._pieces.clear()


def _split(name: str) -> tuple[str, str, str]:
    """Take apart what the parser calls an element or an attribute: its namespace, name and prefix."""
    parts = name.split(" ")
    return ("", name, "") if len(parts) == 1 else (parts[0], parts[1], "".join(parts[2:]))
