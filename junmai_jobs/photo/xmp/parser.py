"""Finds the properties of a picture in XMP, and where in the text each of them stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from junmai_jobs.photo.errors import SidecarError, SidecarRefused

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_MAX_DEPTH = 200  # of elements

# What Camera Raw, Lightroom and some cameras put into the crs namespace of a picture that nobody has edited.
_NO_EDIT = frozenset({"RawFileName", "Version"})
_NO_EDIT_IF_FALSE = frozenset({"HasSettings", "HasCrop", "AlreadyApplied"})

_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_START_TAG = re.compile(rb"<[^\s/>]+(?:" + _ATTRIBUTE.pattern + rb")*\s*/?>")


@dataclass(slots=True)
class Property:
    """A property of the picture: its texts, and its place in the bytes, white space before it included."""

    namespace: str
    name: str
    start: int
    end: int = 0
    texts: list[str] = field(default_factory=list)

    @property
    def is_edit(self) -> bool:
        """Whether it is a develop setting."""
        if self.namespace != CRS or self.name in _NO_EDIT:
            return False
        return not (self.name in _NO_EDIT_IF_FALSE and [text.lower() for text in self.texts] == ["false"])


@dataclass(slots=True)
class Description:
    """An ``rdf:Description`` of the picture; its properties are its attributes and its elements.

    ``others`` is what else it has, such as comments: one that has any is not removed with its last property.
    """

    start: int
    end: int = 0
    properties: list[Property] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def before(data: bytes, at: int) -> int:
    """Return where the white space before ``at`` begins."""
    while at and data[at - 1] in b" \t\r\n":
        at -= 1
    return at


class Parser:
    """Finds the properties below the first ``rdf:RDF``; ``rdf_end`` is where its end tag begins.

    ``outside`` is all that is outside of any ``rdf:Description``, but for white space: to be compared.
    The texts of a property are all those in it, and the attributes of what is in it, in their order: enough
    to see whether it changed, and the same for every form in which RDF can be written.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.about = ""
        self.rdf_end = 0
        self.descriptions: list[Description] = []
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
                f"{self._name} is not in UTF-8: save its metadata anew, or move it away"
            ) from error
        except expat.ExpatError as error:
            message = (
                f"{self._name} is damaged ({error}): save its metadata anew in Lightroom, or move it away"
            )
            raise SidecarError(message) from error  # or being written just now
        if self.rdf_end <= 0:
            raise SidecarRefused(
                f"{self._name} is not an XMP sidecar: move it away, or rename the photograph"
            )

    def _refuse_doctype(self, *_: object) -> None:
        raise SidecarRefused(f"{self._name} has a DOCTYPE, as no sidecar has: move it away")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SidecarRefused(f"{self._name} is nested too deeply to be a sidecar: move it away")
        namespace, name, _ = _split(tag)
        if not self._rdf_depth and (namespace, name) == (RDF, "RDF"):
            self._rdf_depth = self._depth
        at, below = self._expat.CurrentByteIndex, self._below()
        source = _START_TAG.match(self._data, at)
        assert source is not None
        self._is_empty = source[0].endswith(b"/>")
        if below < 1:
            self._note(f"<{tag} {attributes}>")
        elif below == 1:
            self.descriptions.append(Description(before(self._data, at)))
            if (namespace, name) != (RDF, "Description"):
                self._note(f"<{tag}>")
            self._take_attributes(at, source[0], attributes)
        elif below == 2:
            self.descriptions[-1].properties.append(Property(namespace, name, before(self._data, at)))
        if below > 1:
            self._finish_text()
            self._texts().extend(f"{_split(key)[:2]}={value}" for key, value in attributes.items())

    def _take_attributes(self, at: int, tag: bytes, attributes: dict[str, str]) -> None:
        places = {found[1].decode(): found.span() for found in _ATTRIBUTE.finditer(tag)}
        for key, value in attributes.items():
            namespace, name, prefix = _split(key)
            if name == "about" and namespace in {"", RDF}:  # without a prefix in the RDF of 1999
                self.about = self.about or value
            elif namespace in {"", RDF, _XML}:
                self._note(f" {key}={value}")
            else:
                start, end = places[f"{prefix}:{name}"]
                texts = [value.strip()] if value.strip() else []
                found = Property(namespace, name, at + start, at + end, texts)
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
