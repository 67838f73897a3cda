"""What is no XMP, or such as nobody should be made to read."""

from __future__ import annotations

from tests.photo.sidecars import (
    AS_ATTRIBUTES,
    AS_ELEMENTS,
    packet,
)

_LAUGHS = ["ha", *(f"&l{n};" * 10 for n in range(11))]
_BOMB = "".join(f'<!ENTITY l{n} "{text}">' for n, text in enumerate(_LAUGHS))
BROKEN = {
    "empty": (b"", "is damaged"),
    "cut off": (AS_ATTRIBUTES.encode()[:500], "is damaged"),
    "a text": (b"rating: 5", "is damaged"),
    "another XML": (b"<html><body/></html>", "is not an XMP sidecar"),
    "nothing in it": (b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "is not an XMP"),
    "Latin-1": (AS_ELEMENTS.replace("Blue", "Grün").encode("latin-1"), "is not in UTF-8"),
    "UTF-16": (AS_ELEMENTS.encode("utf-16"), "is not in UTF-8"),
    "UTF-16 unmarked": (AS_ELEMENTS.encode("utf-16-le"), "is not an XMP"),
    "laughs": ((f"<!DOCTYPE x [{_BOMB}]>" + packet('xmp:Label="&l11;">')).encode(), "has a DOCTYPE"),
    "a file": (b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>', "has a DOCTYPE"),
    "a web page": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', "has a DOCTYPE"),
    "a parameter": (b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///dev/zero">%p;]><x/>', "has a DOCTYPE"),
    "an unknown entity": (packet('xmp:Label="&nbsp;">').encode(), "is damaged"),
    "an abyss": (b"<a>" * 300_000, "is nested too deeply"),
    "UTF-16 with a DOCTYPE": (f"<!DOCTYPE x [{_BOMB}]>{AS_ELEMENTS}".encode("utf-16"), "is not in UTF-8"),
    "that, unmarked": (f"<!DOCTYPE x [{_BOMB}]>{AS_ELEMENTS}".encode("utf-16-be"), "is not an XMP"),
}
