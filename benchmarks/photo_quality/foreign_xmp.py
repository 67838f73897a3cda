"""Sidecars as other programs write them: their properties, in every layout that XMP allows.

Nothing here is a copy of a file: each is made after what these programs are known to write.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAMESPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "darktable": "http://darktable.sf.net/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "photomechanic": "http://ns.camerabits.com/photomechanic/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "studio": "http://studio.example/a/b?c=d&amp;e#",
}


def _bag(*items: str, kind: str = "Bag") -> str:
    return f"<rdf:{kind}>" + "".join(f"<rdf:li>{item}</rdf:li>" for item in items) + f"</rdf:{kind}>"


def _struct(**fields: str) -> str:
    attributes = "".join(f" {name.replace('_', ':', 1)}={quoteattr(value)}" for name, value in fields.items())
    return f"<rdf:Description{attributes}/>"


_EVENT = _struct(stEvt_action="saved", stEvt_when="2024-05-01T12:00:00+09:00", stEvt_changed="/metadata")
_MASK = _struct(darktable_mask_num="1", darktable_mask_points="gz02eJw=", darktable_mask_name='curve "1"')
_STEP = _struct(
    darktable_operation="exposure",
    darktable_enabled="1",
    darktable_params="00b0803f",
    darktable_multi_name="",
)
_AREA = "<mwg-rs:Area stArea:x='0.5' stArea:y='0.25' stArea:w='0.1' stArea:h='0.2' stArea:unit='normalized'/>"
_FACE = f"<rdf:Description mwg-rs:Name='Käthe' mwg-rs:Type='Face'>{_AREA}</rdf:Description>"
_REGIONS = f"<mwg-rs:RegionList>{_bag(_FACE)}</mwg-rs:RegionList>"
_ALT = (
    "<rdf:Alt><rdf:li xml:lang='x-default'>Dämmerung</rdf:li><rdf:li xml:lang='ja'>夕暮れ</rdf:li></rdf:Alt>"
)

PROGRAMS: dict[str, dict[str, str]] = {
    "Lightroom": {
        "xmp:Rating": "4",
        "xmp:Label": "Red",
        "xmp:MetadataDate": "2024-05-01T12:00:00+09:00",
        "xmpMM:DocumentID": "xmp.did:0f1e",
        "xmpMM:History": _bag(_EVENT, _EVENT.replace("saved", "derived"), kind="Seq"),
        "dc:subject": _bag("owl", "Käuzchen", "a &amp; b"),
        "lr:hierarchicalSubject": _bag("Animals|Birds|Owl"),
        "crs:RawFileName": "IMG_1.NEF",
        "photoshop:DateCreated": "2024-05-01",
    },
    "darktable": {
        "xmp:Rating": "-1",
        "darktable:xmp_version": "5",
        "darktable:history_end": "2",
        "darktable:masks_history": _bag(_MASK, kind="Seq"),
        "darktable:history": _bag(_STEP, _STEP.replace("exposure", "filmicrgb"), kind="Seq"),
        "darktable:colorlabels": _bag("0", "3", kind="Seq"),
        "lr:hierarchicalSubject": _bag("darktable|changed"),
        "exif:DateTimeOriginal": "2024:05:01 12:00:00.000",
    },
    "digiKam": {
        "digiKam:TagsList": _bag("Places/Kyōto", "People/Käthe", kind="Seq"),
        "MicrosoftPhoto:LastKeywordXMP": _bag("Places/Kyōto"),
        "MicrosoftPhoto:Rating": "75",
        "digiKam:ColorLabel": "3",
        "mwg-rs:Regions": f"<rdf:Description>{_REGIONS}</rdf:Description>",
        "tiff:ImageDescription": _ALT,
    },
    "Photo Mechanic": {
        "photomechanic:ColorClass": "2",
        "photomechanic:Prefs": "0:2:0:000001",
        "photomechanic:Tagged": "True",
        "Iptc4xmpCore:CreatorContactInfo": "<rdf:Description Iptc4xmpCore:CiEmailWork='a@b.example'/>",
        "photoshop:City": "Nara",
        "dc:creator": _bag("A. Nobody", kind="Seq"),
        "dc:description": _ALT,
    },
    "a studio": {
        "studio:note": "3 &gt; 2 &amp; &quot;so&quot; &#10;写真 &#x1F989;",
        "studio:markup": "<![CDATA[</rdf:RDF> & <b>]]>",
        "studio:empty": "",
        "studio:HasSettings": "True",
        "studio:Exposure2012": "+5.00",
    },
}  # fmt: skip
"""What each writes: a text, or the RDF of a container or a structure."""
_META = '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.6.0">'
_PADDING = (" " * 100 + "\n") * 20
_WRAPPERS = {
    "packet": (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{_META}',
        f'</x:xmpmeta>\n{_PADDING}<?xpacket end="w"?>',
    ),
    "xml": (f'<?xml version="1.0" encoding="UTF-8"?>\n{_META}', "</x:xmpmeta>\n"),
    "bare": ("", "\n"),
    "commented": (f"<!-- </rdf:RDF> -->{_META}<?studio a='b'?>", "<!-- end --></x:xmpmeta>"),
}


def sidecars(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Make sidecars: a name that tells how each is made, and its text."""
    chance = random.Random(seed)
    for number in range(count):
        program = list(PROGRAMS)[number % len(PROGRAMS)]
        wrapper = chance.choice(list(_WRAPPERS))
        layout = chance.choice(("attributes", "elements", "apart"))
        renames, breaks = chance.random() < 0.4, chance.choice(("\n ", "\r\n\t", ""))
        text = _sidecar(program, layout, breaks, chance)
        head, tail = _WRAPPERS[wrapper]
        text = head + (_renamed(text) if renames else text) + tail
        yield f"{program}, {layout}, {wrapper}{', other prefixes' if renames else ''}, {number}", text


def _sidecar(program: str, layout: str, breaks: str, chance: random.Random) -> str:
    properties = list(PROGRAMS[program].items())
    chance.shuffle(properties)
    groups = [[each] for each in properties] if layout == "apart" else [properties]
    about = chance.choice(("", "uuid:a&amp;b"))
    body = "".join(_description(group, layout, breaks, about, chance) for group in groups)
    return f'<rdf:RDF xmlns:rdf="{RDF}">{body}{breaks}</rdf:RDF>'


def _description(
    properties: list[tuple[str, str]], layout: str, breaks: str, about: str, chance: random.Random
) -> str:
    declared = "".join(f'{breaks or " "}xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    simple = [each for each in properties if "<" not in each[1] and layout == "attributes"]
    attributes = "".join(f'{breaks or " "}{name}="{value}"' for name, value in simple)
    elements = []
    for name, value in properties:
        if (name, value) not in simple:
            content, kind = value, ""
            if value.startswith("<rdf:Description>") and chance.random() < 0.5:
                content, kind = value[17:-18], " rdf:parseType='Resource'"
            note = "<!-- kept -->" if chance.random() < 0.2 else ""
            elements.append(f"{breaks}{note}<{name}{kind}>{content}</{name}>")
    start = f"{breaks}<rdf:Description rdf:about='{about}'{declared}{attributes}"
    return f"{start}>{''.join(elements)}{breaks}</rdf:Description>" if elements else f"{start}/>"


def _renamed(text: str) -> str:
    """The same with other prefixes: what is usual is no rule."""
    for number, prefix in enumerate(("rdf", "xmp", "crs", "dc", "darktable", "studio")):
        text = text.replace(f"{prefix}:", f"n{number}:").replace(f"xmlns:{prefix}=", f"xmlns:n{number}=")
        text = text.replace(f"</n{number}:RDF> -->", "</rdf:RDF> -->")
    return text
