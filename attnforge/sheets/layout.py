"""Lays out images and text on a page: rows, titles, labels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

BACKGROUND = (255, 255, 255)
TEXT_COLOR = (32, 32, 36)
TITLE_COLOR = (112, 112, 120)
MARGIN = 12
FONT_SIZE = 15
LINE_HEIGHT = FONT_SIZE + 6

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def tile(image: UInt8[np.ndarray, "_ _ 3"], side: int) -> Image.Image:
    """An image resized to `side` x `side` pixels."""
    pixels = Image.fromarray(image)
    enlarged = max(pixels.size) < side
    # nearest shows the generated pixels; a smooth filter would make a small stage look better than it is
    nearest = enlarged and side % pixels.width == 0
    return pixels.resize((side, side), Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS)


def row(
    tiles: Sequence[Image.Image],
    side: int,
    *,
    above: Sequence[str] = (),
    title: str = "",
    below: str = "",
) -> Image.Image:
    """Images side by side, with a title, a label above each, and a wrapped text below."""
    font = ImageFont.load_default(FONT_SIZE)
    width = max(len(tiles) * (side + MARGIN) - MARGIN, 2 * side)
    heading, text = wrapped(title, font, width), wrapped(below, font, width)
    top = LINE_HEIGHT * (len(heading) + bool(above))
    page = Image.new("RGB", (width, top + side + LINE_HEIGHT * len(text) + 4 * bool(text)), BACKGROUND)
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(heading):
        pen.text((0, number * LINE_HEIGHT), line, fill=TITLE_COLOR, font=font)
    for position, image in enumerate(tiles):
        left = position * (side + MARGIN)
        page.paste(image, (left, top))
        if above:
            label = fitted(above[position], font, side)
            pen.text((left, top - LINE_HEIGHT), label, fill=TEXT_COLOR, font=font)
    for number, line in enumerate(text):
        pen.text((0, top + side + 4 + number * LINE_HEIGHT), line, fill=TEXT_COLOR, font=font)
    return page


def stack(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows below each other, with a margin around each."""
    width = max(image.width for image in rows) + 2 * MARGIN
    height = sum(image.height + MARGIN for image in rows) + MARGIN
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    top = MARGIN
    for image in rows:
        sheet.paste(image, (MARGIN, top))
        top += image.height + MARGIN
    return sheet


def wrapped(text: str, font: Font, width: int) -> list[str]:
    """The text in lines of at most `width` pixels."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fitted(word, font, width))
    return lines


def fitted(text: str, font: Font, width: int) -> str:
    """The text, truncated with dots when wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    kept = bisect_left(
        range(1, len(text)), True, key=lambda length: font.getlength(f"{text[:length]}...") > width
    )
    return f"{text[:kept]}..."
