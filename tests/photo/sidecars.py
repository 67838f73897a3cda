"""Sidecars for the tests, by many hands, and a reader and writer of them that is not ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.photographs import camera_photographs

SETTINGS: dict[str, Any] = {"Exposure2012": 0.35, "Contrast2012": 12, "Highlights2012": -40, "Sharpness": 50}
OTHERS: dict[str, Any] = {"Exposure2012": -1.0, "Vibrance": 8}
CRS = 'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"'


def exiftool(*arguments: str | Path) -> str:
    """Run exiftool and return what it prints; a test that needs it is skipped without it, but not in CI."""
    if shutil.which("exiftool") is None:
        if os.environ.get("CI"):
            pytest.fail("install libimage-exiftool-perl")
        pytest.skip("install libimage-exiftool-perl")
    command = ["exiftool", "-overwrite_original", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60)
    return done.stdout


def raw_photo(folder: Path) -> Path:
    """Put a photograph into a new folder, under the name of a RAW file."""
    folder.mkdir()
    return Path(shutil.copy(camera_photographs()[-1], folder / "IMG_1.NEF"))


def beside(photo: Path, content: str | bytes, name: str = "IMG_1.xmp") -> Path:
    path = photo.with_name(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def packet(description: str, about: str = "") -> str:
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="{about}" xmlns:xmp="http://ns.adobe.com/xap/1.0/" {CRS}
   {description}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


AS_ATTRIBUTES = """\ufeff<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0">
 <!-- kept -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:1 &amp; 2"
    xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:studio="http://studio.example/a>b#"
   xmp:Rating="4" xmp:Label='Rot "ü"' studio:note="3 > 2 &lt; 写真">
   <dc:subject><rdf:Bag><rdf:li>owl</rdf:li><rdf:li>Käuzchen</rdf:li></rdf:Bag></dc:subject>
   <dc:creator><rdf:Seq><rdf:li>A</rdf:li><rdf:li>B</rdf:li></rdf:Seq></dc:creator>
   <studio:deep rdf:parseType="Resource"><studio:x><![CDATA[a < b]]></studio:x></studio:deep>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
AS_ELEMENTS = """<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\r
 <rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/'>\r
  <xmp:Rating>3</xmp:Rating>\r
  <xmp:Label>Blue</xmp:Label>\r
 </rdf:Description>\r
 <rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/'>\r
  <dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Dusk</rdf:li></rdf:Alt></dc:title>\r
 </rdf:Description>\r
 <rdf:Description rdf:about='' xmlns='http://ns.adobe.com/lightroom/1.0/'>\r
  <hierarchicalSubject><rdf:Bag><rdf:li>Animals|Owl</rdf:li></rdf:Bag></hierarchicalSubject>\r
 </rdf:Description>\r
</rdf:RDF >\r
"""
MINIFIED = "".join(line.strip() + " " for line in packet('xmp:Rating="2">').splitlines()).replace("> <", "><")
FORMS = {"attributes": AS_ATTRIBUTES, "elements": AS_ELEMENTS, "minified": MINIFIED}
# What only looks like an end: well-formed, but too much for exiftool.
TRAPS = AS_ATTRIBUTES.replace("a < b", "</rdf:RDF>").replace("kept", "</rdf:RDF><rdf:Description>")
TRAPS = TRAPS.replace("</x:xmpmeta>", f"<x:no {CRS}><x:rdf crs:Contrast2012='+1'/></x:no></x:xmpmeta>")
EDITED = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" {CRS}
   xmp:Rating="5" crs:Version="15.4" crs:ProcessVersion="15.4" crs:Exposure2012="+1.00"
   crs:HasSettings="True" crs:RawFileName="IMG_1.NEF" xmp:Label="Red">
   <crs:Look><rdf:Description crs:Name="Vivid" crs:Amount="1"><crs:Parameters>
     <rdf:Description crs:Saturation="+20"/></crs:Parameters></rdf:Description></crs:Look>
   <xmp:Identifier><rdf:Bag><rdf:li>7</rdf:li></rdf:Bag></xmp:Identifier>
   <crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 9</rdf:li></rdf:Seq></crs:ToneCurvePV2012>
   <crs:RetouchInfo/>
  </rdf:Description>
  <rdf:Description rdf:about="" {CRS}>
   <crs:CropAngle>2</crs:CropAngle>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
