"""Sheets of pictures: what a run draws, laid out for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from attnforge.run.drawing import Drawing

PAPER = (255, 255, 255)
INK = (32, 32, 36)
FAINT = (112, 112, 120)
MARGIN = 12
FONT_SIZE = 15


def contact_sheet(drawings: Sequence[Drawing], path: Path, *, side: int = 160) -> Path:
    """Write a PNG with one row a drawing: its stages from left to right, its caption below them.

    Args:
        drawings: What to show, from top to bottom; at least one.
        path: The file to write; its folder must be there.
        side: Side in pixels at which every picture is shown.

    Raises:
        ValueError: There is no drawing.
    """
    if not drawings:
        raise ValueError("a contact sheet needs at least one drawing")
    rows = [_contact_row(drawing, side) for drawing in drawings]
    return _save(_stack(rows), path)


def attention_sheet(drawing: Drawing, path: Path, *, top: int = 5, side: int = 160) -> Path:
    """Write a PNG with the stages of a drawing and, for each stage that attends, its strongest words.

    The layout of Fig. 4 of Xu et al. (CVPR 2018). A word's map is divided by its own maximum and lights
    up what it attends to; the number beside the word is its share of all attention of the stage.

    Args:
        drawing: What to show. Without attention maps only its stages are shown.
        path: The file to write; its folder must be there.
        top: How many words a stage shows, those with the most attention first.
        side: Side in pixels at which every picture is shown.
    """
    rows = [_contact_row(drawing, side)]
    for image, weights in attending(drawing):
        shares = weights.mean(axis=(1, 2))
        order = np.argsort(-shares, kind="stable")[:top]
        tiles = [_tile(lit(image, weights[index], side=side), side) for index in order]
        labels = [f"{drawing.words[index]}  {100 * shares[index]:.0f}%" for index in order]
        title = f"words at the stage of {image.shape[1]} pixels"
        rows.append(_row(tiles, side, above=labels, title=title))
    return _save(_stack(rows), path)


def attending(
    drawing: Drawing,
) -> list[tuple[UInt8[np.ndarray, "_ _ 3"], Float32[np.ndarray, "l _ _"]]]:
    """The picture and the maps of every stage that attends; the last stages are those that do."""
    first = len(drawing.images) - len(drawing.attention)
    return list(zip(drawing.images[first:], drawing.attention, strict=True))


def lit(
    image: UInt8[np.ndarray, "_ _ 3"], weights: Float32[np.ndarray, "_ _"], *, side: int, dark: float = 0.2
) -> UInt8[np.ndarray, "side side 3"]:
    """The picture, darkened where a word is not attended to.

    Args:
        image: One picture.
        weights: One word's map, of any size; values at least 0.
        side: Side in pixels of the result.
        dark: What is left of the brightness where the map is 0, in [0, 1].
    """
    strongest = float(weights.max())
    share = weights / strongest if strongest > 0 else np.zeros_like(weights)
    small = Image.fromarray(np.asarray(255 * share, dtype=np.uint8))
    light = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    picture = np.asarray(_tile(image, side), dtype=np.float32)
    return np.asarray(np.clip(picture * (dark + (1 - dark) * light[..., None]), 0, 255), dtype=np.uint8)


def _tile(image: UInt8[np.ndarray, "_ _ 3"], side: int) -> Image.Image:
    picture = Image.fromarray(image)
    enlarging = max(picture.size) < side
    # Nearest shows which pixels were drawn; a smooth enlargement would flatter a small stage.
    how = Image.Resampling.NEAREST if enlarging and side % picture.width == 0 else Image.Resampling.LANCZOS
    return picture.resize((side, side), how)


def _contact_row(drawing: Drawing, side: int) -> Image.Image:
    tiles = [_tile(image, side) for image in drawing.images]
    return _row(tiles, side, below=drawing.caption)


def _row(
    tiles: Sequence[Image.Image],
    side: int,
    *,
    above: Sequence[str] = (),
    title: str = "",
    below: str = "",
) -> Image.Image:
    """Pictures side by side, with a title and a label above each, and a wrapped text below."""
    font = ImageFont.load_default(FONT_SIZE)
    line = FONT_SIZE + 6
    width = max(len(tiles) * (side + MARGIN) - MARGIN, 2 * side)
    text = _wrapped(below, font, width)
    top = line * bool(title) + line * bool(above)
    row = Image.new("RGB", (width, top + side + line * len(text) + 4 * bool(text)), PAPER)
    pen = ImageDraw.Draw(row)
    if title:
        pen.text((0, 0), title, fill=FAINT, font=font)
    for position, tile in enumerate(tiles):
        left = position * (side + MARGIN)
        row.paste(tile, (left, top))
        if above:
            pen.text((left, top - line), _fitted(above[position], font, side), fill=INK, font=font)
    for number, words in enumerate(text):
        pen.text((0, top + side + 4 + number * line), words, fill=INK, font=font)
    return row


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(_fitted(word, font, width))
    return lines


def _fitted(text: str, font: Font, width: int) -> str:
    """The text, cut with dots where it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _stack(rows: Sequence[Image.Image]) -> Image.Image:
    width = max(row.width for row in rows) + 2 * MARGIN
    height = sum(row.height + MARGIN for row in rows) + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    top = MARGIN
    for row in rows:
        sheet.paste(row, (MARGIN, top))
        top += row.height + MARGIN
    return sheet


def _save(sheet: Image.Image, path: Path) -> Path:
    sheet.save(path, format="PNG", optimize=True)
    return path
