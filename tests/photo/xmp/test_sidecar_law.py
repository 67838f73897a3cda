"""The law of sidecars, for any XMP: what is written can be read, and all but our properties is as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.xmp.packet import Fields, Xmp
from junmai_jobs.photo.xmp.parser import Property
from junmai_jobs.photo.xmp.sidecar import unmark_sidecar, write_sidecar
from tests.photo.sidecars import EDITED, SETTINGS, beside, names_in, raw_photo

CRS, OURS = "http://ns.adobe.com/camera-raw-settings/1.0/", "urn:junmai-jobs:sidecar:1.0/"
RDF, STUDIO = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://studio.example/a>b/?'#"
EDITS: Fields = {"HasSettings": ("True",), "Exposure2012": ("+0.35",), "Curve": ("0, 0", "255, 9")}
OTHERS: Fields = {"HasSettings": ("True",), "Vibrance": ("<&\"'>\n é",)}

# ---- any XMP: its parts in their order, and which of them are to give way to our properties --------------

Parts = list[tuple[str, bool]]  # the text of a part; whether it is to go


@dataclass
class Packet:
    head: str
    body: Parts
    tail: str

    def bytes(self, *, whole: bool = True) -> bytes:
        body = "".join(text for text, goes in self.body if whole or not goes)
        return (self.head + body + self.tail).encode()


BLANKS = st.sampled_from(["", "", " ", "\n  ", "\r\n\t"])
SPACES = st.sampled_from([" ", "\n   ", "\r\n\t"])
TEXTS = st.sampled_from(
    ["", "/", "/>", "a>b", "é 写真", "&lt;/rdf:RDF>", "&#10;x", "x='1'", 'y="2"', "]]&gt;"]
)
JUNK = st.sampled_from(
    [
        "<!---->",
        "<!-- </rdf:RDF> <a/> -->",
        "<?p </rdf:Description>?>",
        "<?q />?>",
        "<![CDATA[</rdf:RDF>/>]]>",
    ]
)
NAMES = st.sampled_from(["a", "né", "Rating", "Exposure2012"])
EDITED_OR_OURS = [(CRS, name, True) for name in ("Exposure2012", "Curve", "Look", "HasSettings", "né")]
EDITED_OR_OURS += [(OURS, name, True) for name in ("Preset", "SettingsDigest")]
THEIRS = [(STUDIO, name, False) for name in ("a", "Exposure2012", "né")] * 2
THEIRS += [(CRS, "RawFileName", False), (CRS, "Version", False)]


@st.composite
def quoted(draw: st.DrawFn, text: str) -> str:
    quote = draw(st.sampled_from("\"'"))
    return quote + text.replace(quote, "&#34;" if quote == '"' else "&#39;") + quote


@st.composite
def attribute(draw: st.DrawFn, name: str, value: str) -> str:
    equals = draw(st.sampled_from(["=", "=", " = ", "\n="]))
    return draw(SPACES) + name + equals + draw(quoted(value))


@st.composite
def element(draw: st.DrawFn, name: str, content: str, *attributes: str) -> str:
    start, blank = f"<{name}{''.join(attributes)}", draw(st.sampled_from(["", "", " ", "\n"]))
    return f"{start}{blank}/>" if not content else f"{start}{blank}>{content}</{name}{blank}>"


@st.composite
def content(draw: st.DrawFn, prefix: str, depth: int = 2) -> str:
    kinds = draw(st.lists(st.sampled_from(["text", "junk", "element", "pair"]), max_size=3))
    parts = []
    for kind in kinds:
        if kind == "text":
            parts.append(draw(TEXTS))
        elif kind == "junk":
            parts.append(draw(JUNK))
        elif kind == "pair":
            parts.append("<y></y>")
        else:
            name = f"{prefix}:{draw(NAMES)}" if draw(st.booleans()) else draw(NAMES)
            inner = draw(content(prefix, depth - 1)) if depth else ""
            attributes = [draw(attribute("v", draw(TEXTS)))] if draw(st.booleans()) else []
            parts.append(draw(element(name, inner, *attributes)))
        parts.append(draw(BLANKS))
    return "".join(parts)


@st.composite
def description(draw: st.DrawFn, rdf: str, about: str) -> Parts:
    free = ["rdf" if rdf == "crs" else "crs", "junmai", "ü"]
    prefixes = dict(zip((CRS, OURS, STUDIO), draw(st.permutations(free)), strict=True))
    kinds = st.sampled_from(draw(st.sampled_from([EDITED_OR_OURS, EDITED_OR_OURS + THEIRS])))
    start: Parts = [(draw(attribute(draw(st.sampled_from([f"{rdf}:about", "about"])), about)), False)]
    start += [(draw(attribute(f"xmlns:{prefix}", uri)), False) for uri, prefix in prefixes.items()]
    for uri, name, goes in draw(st.lists(kinds, max_size=4, unique=True)):
        start.append((draw(attribute(f"{prefixes[uri]}:{name}", draw(TEXTS))), goes))
    tag = draw(st.sampled_from([f"{rdf}:Description"] * 5 + ["ü:Typed"]))
    if more := draw(st.sampled_from([""] * 5 + ["xml:lang", "bare", f"{rdf}:nodeID"])):
        start.append((draw(attribute(more, "x")), False))
    inside: Parts = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.integers(0, 3)) == 0:
            inside.append((draw(BLANKS) + draw(JUNK), False))
            continue
        uri, name, goes = draw(kinds)
        prefix, attributes = prefixes[uri], []
        if draw(st.booleans()):  # it is declared anew where it is needed, perhaps under another's name
            prefix = draw(st.sampled_from([*prefixes.values(), "z"]))
            attributes.append(draw(attribute(f"xmlns:{prefix}", uri)))
        if draw(st.booleans()):
            attributes.append(draw(attribute(f"{prefix}:v", draw(TEXTS))))
        inner = draw(content(prefix)) or (draw(TEXTS) if draw(st.booleans()) else "")
        inside.append((draw(BLANKS) + draw(element(f"{prefix}:{name}", inner, *attributes)), goes))
    has = [goes for _, goes in start[4:] + inside]
    all_goes = bool(has) and all(has) and tag != "ü:Typed"
    before, blank = draw(BLANKS), draw(st.sampled_from(["", " "]))
    if inside:
        end = [(f"{blank}>", False), *inside, (f"{draw(BLANKS)}</{tag}{blank}>", False)]
    else:
        end = [(f"{blank}/>", False)]
    whole: Parts = [(f"{before}<{tag}", False), *start, *end]
    return [(text, goes or all_goes) for text, goes in whole]


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    rdf, about = draw(st.sampled_from(["rdf", "r", "crs"])), draw(TEXTS)
    top = draw(st.sampled_from(["", "<?xml version='1.0'?>", '<?xml version="1.0" encoding="UTF-8"?>\r\n']))
    head = draw(st.sampled_from(["", "\ufeff"])) + top
    head += draw(st.sampled_from(["", "<?xpacket begin='\ufeff'?>", "<!-- <rdf:RDF> -->\n"]))
    head += "<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + draw(st.sampled_from(["", "<x:no/>", "é<y></y>"]))
    head += f"<{rdf}:RDF{draw(attribute(f'xmlns:{rdf}', RDF))}{draw(BLANKS)}>"
    body: Parts = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.integers(0, 3)) == 0:
            body.append((draw(BLANKS) + draw(JUNK), False))
        body += draw(description(rdf, about))
    tail = draw(BLANKS) + f"</{rdf}:RDF{draw(st.sampled_from(['', ' ']))}>"
    tail += draw(st.sampled_from(["", "\r\n<!-- -->", f"<x:no xmlns:c='{CRS}' c:Look='1'/>"]))
    tail += "</x:xmpmeta>" + draw(
        st.sampled_from(["", "\n", "<?xpacket end='w'?>", "\r\n<!-- </rdf:RDF> -->\r\n"])
    )
    return Packet(head, body, tail)


def ours_in(data: bytes) -> Fields:
    """Read the settings in what is marked as ours, of the same picture as all the rest, by another reader."""
    (rdf,) = ET.fromstring(data).iter(f"{{{RDF}}}RDF")  # noqa: S314 -- it is our own
    assert len({each.get(f"{{{RDF}}}about", each.get("about")) for each in rdf}) == 1
    (ours,) = [each for each in rdf if each.get(f"{{{OURS}}}Preset")]
    texts: Fields = {name: (value,) for name, value in ours.items()}
    texts |= {each.tag: tuple(item.text or "" for item in each[0]) for each in ours}
    return {name.removeprefix(f"{{{CRS}}}"): value for name, value in texts.items() if CRS in name}


@settings(max_examples=70)
@given(packets())
def test_what_is_written_can_be_read_and_all_others_wrote_is_as_it_was(packet: Packet) -> None:
    new = Xmp(packet.bytes(), "a.xmp").having(EDITS, "p")

    kept, tail = packet.bytes(whole=False), packet.tail.encode()
    head = kept.removesuffix(tail)
    assert new.startswith(head)
    assert new.endswith(tail)
    assert new[len(head) : -len(tail)].startswith(b"\n  <rdf:Description\n")
    assert new[len(head) : -len(tail)].count(b"rdf:Description") == 2, "that and its end, and nothing else"
    assert ours_in(new) == EDITS
    assert Xmp(new, "a.xmp").is_ours
    assert Xmp(new, "a.xmp").having(EDITS, "p") == new, "twice is as once"
    others = Xmp(new, "a.xmp").having(OTHERS, "q")
    assert ours_in(others) == OTHERS
    assert Xmp(others, "a.xmp").having(EDITS, "p") == new, "no trace of what was there in between"


# ---- by name -------------------------------------------------------------------------------------

MINIFIED = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF xmlns:r='{}'><r:Description r:about='' xmlns:c='{}'"
    " xmlns:j='{}'{}</r:Description></r:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize(
    "last", [" c:Look='1'><c:ToneCurve/>", "><c:Look/>", " c:Version='1'><c:Look >a='1'/></c:Look >"]
)
def test_edits_before_an_end_tag_are_seen_and_replaced(tmp_path: Path, last: str) -> None:
    photo = raw_photo(tmp_path / "shoot")
    old = MINIFIED.format(RDF, CRS, OURS, last)
    path = beside(photo, old)

    assert write_sidecar(photo, SETTINGS, preset="p") == "already_edited"
    assert write_sidecar(photo, SETTINGS, preset="p", replace_edits=True) == "written"

    assert path.with_name("IMG_1.xmp.bak").read_text() == old
    assert ours_in(path.read_bytes())["Exposure2012"] == ("+0.35",)


def test_an_empty_property_of_ours_before_an_end_tag_is_no_edit(tmp_path: Path) -> None:
    photo = raw_photo(tmp_path / "shoot")
    path = beside(photo, MINIFIED.format(RDF, CRS, OURS, "><j:Preset/>"))

    assert write_sidecar(photo, SETTINGS, preset="p") == "written"
    assert ours_in(path.read_bytes())["Exposure2012"] == ("+0.35",)


def test_an_rdf_that_is_empty_is_none_and_nothing_is_taken_for_it() -> None:
    text = f"<a><r:RDF xmlns:r='{RDF}'/><b><c xmlns:c='{CRS}' c:Look='1'/></b></a>"
    with pytest.raises(SidecarRefused, match="is not an XMP sidecar"):
        Xmp(text.encode(), "a.xmp")


@pytest.mark.parametrize("text", [EDITED, MINIFIED.format(RDF, CRS, OURS, "><j:Preset/>")])
def test_a_sidecar_that_is_cut_off_anywhere_is_damaged(text: str) -> None:
    for end in range(len(text.rstrip())):
        with pytest.raises(SidecarError, match=r"^a\.xmp is damaged"):
            Xmp(text.encode()[:end], "a.xmp")


KEPT = "<!-- a --><?b?><xmp:Nickname>ccc<!-- d --></xmp:Nickname>eee"
LOSSES = [
    "<!-- a -->",
    "<?b?>",
    "<xmp:Nickname>ccc<!-- d --></xmp:Nickname>",
    "ccc",
    "<!-- d -->",
    "eee",
    "<?f?>",
]
LOSSES += [
    ' xmp:Rating="5"',
    ' crs:Version="15.4"',
    "</rdf:Description>",
    " h='i'",
    "</x:xmpmeta>",
    "Settings",
]


@pytest.mark.parametrize("loss", LOSSES)
def test_what_would_harm_a_sidecar_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    photo = raw_photo(tmp_path / "shoot")
    path = beside(
        photo, EDITED.replace("<crs:RetouchInfo/>", KEPT).replace(" <rdf:RDF", "<?f?><x:g h='i'/><rdf:RDF")
    )
    old, spliced = path.read_bytes(), Xmp._spliced

    def spoilt(self: Xmp, is_doomed: Callable[[Property], bool], block: bytes) -> bytes:
        before, found, after = spliced(self, is_doomed, block).partition(loss.encode())
        assert found
        return before + after

    monkeypatch.setattr(Xmp, "_spliced", spoilt)
    with pytest.raises(SidecarRefused, match=r"^IMG_1\.xmp cannot be changed without harm"):
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)

    assert path.read_bytes() == old
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}, "nor is there a backup"


@pytest.mark.parametrize("loss", ["ccc", ' crs:Version="15.4"', "</x:xmpmeta>", 'crs:Sharpness="50"'])
def test_what_would_harm_a_sidecar_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    photo = raw_photo(tmp_path / "shoot")
    path = beside(photo, EDITED.replace("<crs:RetouchInfo/>", KEPT).replace('xmp:Rating="5"', ""))
    write_sidecar(photo, SETTINGS, preset="p", marks={"Rating": "4"}, replace_edits=True)
    old, spliced = path.read_bytes(), Xmp._spliced

    def spoilt(self: Xmp, is_doomed: Callable[[Property], bool], block: bytes) -> bytes:
        before, found, after = spliced(self, is_doomed, block).partition(loss.encode())
        assert found
        return before + after

    monkeypatch.setattr(Xmp, "_spliced", spoilt)
    with pytest.raises(SidecarRefused, match=r"^IMG_1\.xmp cannot be changed without harm"):
        unmark_sidecar(path)
    assert path.read_bytes() == old


def test_what_changes_nothing_is_not_taken_for_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = raw_photo(tmp_path / "shoot")
    beside(photo, Xmp(EDITED.encode(), "a.xmp").having(OTHERS, "p"))
    monkeypatch.setattr(Xmp, "_spliced", lambda self, *_: self._data)
    with pytest.raises(SidecarRefused, match="cannot be changed without harm"):
        write_sidecar(photo, SETTINGS, preset="p")
