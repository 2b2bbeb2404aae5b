"""Images and texts laid out on paper: rows, titles, labels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

PAPER = (255, 255, 255)
INK = (32, 32, 36)
FAINT = (112, 112, 120)
MARGIN = 12
FONT_SIZE = 15
LINE = FONT_SIZE + 6

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def tile(image: UInt8[np.ndarray, "_ _ 3"], side: int) -> Image.Image:
    """An image at `side` x `side` pixels."""
    pixels = Image.fromarray(image)
    enlarging = max(pixels.size) < side
    # Nearest shows which pixels were drawn; a smooth enlargement would flatter a small stage.
    how = Image.Resampling.NEAREST if enlarging and side % pixels.width == 0 else Image.Resampling.LANCZOS
    return pixels.resize((side, side), how)


def row(
    tiles: Sequence[Image.Image],
    side: int,
    *,
    above: Sequence[str] = (),
    title: str = "",
    below: str = "",
) -> Image.Image:
    """Images side by side, with a title and a label above each, and a wrapped text below."""
    font = ImageFont.load_default(FONT_SIZE)
    width = max(len(tiles) * (side + MARGIN) - MARGIN, 2 * side)
    heading, text = wrapped(title, font, width), wrapped(below, font, width)
    top = LINE * (len(heading) + bool(above))
    paper = Image.new("RGB", (width, top + side + LINE * len(text) + 4 * bool(text)), PAPER)
    pen = ImageDraw.Draw(paper)
    for number, words in enumerate(heading):
        pen.text((0, number * LINE), words, fill=FAINT, font=font)
    for position, one in enumerate(tiles):
        left = position * (side + MARGIN)
        paper.paste(one, (left, top))
        if above:
            pen.text((left, top - LINE), fitted(above[position], font, side), fill=INK, font=font)
    for number, words in enumerate(text):
        pen.text((0, top + side + 4 + number * LINE), words, fill=INK, font=font)
    return paper


def stack(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows one below the other, with a margin around each."""
    width = max(one.width for one in rows) + 2 * MARGIN
    height = sum(one.height + MARGIN for one in rows) + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    top = MARGIN
    for one in rows:
        sheet.paste(one, (MARGIN, top))
        top += one.height + MARGIN
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
    """The text, cut with dots where it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    kept = bisect_left(
        range(1, len(text)), True, key=lambda length: font.getlength(f"{text[:length]}...") > width
    )
    return f"{text[:kept]}..."
