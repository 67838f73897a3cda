"""Puts a watermark on a picture: a text, or a picture such as a logo with a transparent ground."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from junmai_jobs.config import ExportPreset
from junmai_jobs.photo.errors import ExportRefused, UnreadablePhoto, shown
from junmai_jobs.photo.pictures import color, decoding
from junmai_jobs.photo.pictures.opening import opened
from junmai_jobs.photo.pictures.scaling import scaled

_MARGIN = 0.02  # of the picture's short edge
_TRIAL = 100  # px, a size of a font to measure a text by
_NO_CHARACTER = "\U0010fffd"  # of the area for private use: no font should have it
_UNSEEN = frozenset("CMZ")  # controls, marks on others, spaces: first letters of Unicode's categories


def watermarked(pixels: Image.Image, preset: ExportPreset) -> Image.Image:
    """Put the preset's watermark, if it has one, on a picture (mode RGB or RGBA, in its colour space).

    Text and picture are made to fit into ``watermark_scale`` percent of the picture's width and height.

    Raises:
        ExportRefused: text and picture are both asked for, the font lacks a character of the text, or the
            font or the picture cannot be used.
        PhotoGone: the watermark's file is not there.
    """
    text, logo = preset.watermark_text, preset.watermark_image
    if text is None and logo is None:
        return pixels
    if text is not None and logo is not None:
        raise ExportRefused(
            f"the export preset {preset.name} has a watermark_text and a watermark_image: choose one"
        )
    room = tuple(max(1, round(edge * preset.watermark_scale / 100)) for edge in pixels.size)
    mark = _logo(Path(logo), preset.color_space) if logo else _text(str(text), preset.watermark_font, room)
    share = min(room[0] / mark.width, room[1] / mark.height)
    mark = scaled(mark, (max(1, round(mark.width * share)), max(1, round(mark.height * share))))
    mark.putalpha(mark.getchannel("A").point(lambda value: value * preset.watermark_opacity / 100))
    made, place = pixels.copy(), _place(pixels.size, mark.size, preset.watermark_position)
    if made.mode == "RGBA":
        made.alpha_composite(mark, place)
    else:
        made.paste(mark, place, mark)
    return made


def _place(whole: tuple[int, int], mark: tuple[int, int], position: str) -> tuple[int, int]:
    margin = round(min(whole) * _MARGIN)
    free_x, free_y = whole[0] - mark[0], whole[1] - mark[1]
    margin_x, margin_y = min(margin, free_x // 2), min(margin, free_y // 2)
    x = margin_x if "left" in position else free_x - margin_x if "right" in position else free_x // 2
    y = margin_y if "top" in position else free_y - margin_y if "bottom" in position else free_y // 2
    return x, y


def _text(text: str, font_file: str | None, room: tuple[int, ...]) -> Image.Image:
    """Draw a text, white with a thin dark outline to be seen on any ground, at about its size in ``room``."""
    trial = _font(font_file, _TRIAL)
    missing = sorted({each for each in text if _lacks(trial, each)})
    if missing:
        whose = "the font that comes with Pillow" if font_file is None else shown(Path(font_file))
        raise ExportRefused(
            f"{whose} has no {' '.join(missing)} for the watermark: name the file of a font that has, "
            "as watermark_font in the export preset"
        )
    left, top, right, bottom = _measure(text, trial)
    share = min(room[0] / (right - left), room[1] / (bottom - top))
    font, outline = _font(font_file, max(1.0, _TRIAL * share)), max(1, round(_TRIAL * share / 25))
    left, top, right, bottom = _measure(text, font, outline)
    mark = Image.new("RGBA", (round(right - left), round(bottom - top)), (0, 0, 0, 0))
    pen = ImageDraw.Draw(mark)
    pen.text((-left, -top), text, fill="white", font=font, stroke_width=outline, stroke_fill="black")
    return mark


def _measure(text: str, font: ImageFont.FreeTypeFont, outline: int = 0) -> tuple[float, float, float, float]:
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = pen.textbbox((0, 0), text, font, stroke_width=outline)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _font(file: str | None, size: float) -> ImageFont.FreeTypeFont:
    try:
        font = ImageFont.load_default(size) if file is None else ImageFont.truetype(file, size)
    except OSError as error:
        raise ExportRefused(
            f"{file} is no font that can be read: name a .ttf or .otf file as watermark_font"
        ) from error
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ExportRefused("this Pillow cannot draw text: install one with FreeType, or use watermark_image")
    return font


def _lacks(font: ImageFont.FreeTypeFont, character: str) -> bool:
    """Tell whether a font draws a character as it draws one that it does not have."""
    if unicodedata.category(character)[0] in _UNSEEN:
        return False
    drawn, none = font.getmask(character), font.getmask(_NO_CHARACTER)
    return drawn.size == none.size and bytes(drawn) == bytes(none)


def _logo(file: Path, color_space: str) -> Image.Image:
    def whole(image: Image.Image) -> tuple[Image.Image, bytes | None]:
        image.load()
        return image.convert("RGBA"), image.info.get("icc_profile")

    try:
        with opened(file) as found:
            pixels, profile = decoding.taken_from(found.file, found.name, whole)
    except UnreadablePhoto as error:
        raise ExportRefused(f"the watermark cannot be used: {error}") from error
    return color.in_color_space(pixels, profile, color_space)[0]
