"""Sheets of images: what a run draws, laid out for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from attnforge.run.enlarging import enlarge
from attnforge.run.figure import TOP, FigureRow, figure_rows
from attnforge.run.generated import GeneratedImage
from attnforge.run.layout import row, stack, tile


def contact_sheet(drawings: Sequence[GeneratedImage], path: Path, *, side: int = 160) -> Path:
    """Write a PNG with one row a drawing: its stages from left to right, its caption below them.

    Args:
        drawings: What to show, from top to bottom; at least one.
        path: The file to write; its folder must be there.
        side: Side in pixels at which every image is shown.

    Raises:
        ValueError: There is no drawing.
    """
    if not drawings:
        raise ValueError("a contact sheet needs at least one drawing")
    return _save(stack([_stages(drawing, side) for drawing in drawings]), path)


def attention_sheet(drawing: GeneratedImage, path: Path, *, top: int = TOP, side: int | None = None) -> Path:
    """Write a PNG like Fig. 1 and 4 of AttnGAN: the stages, and below them the words that lit up parts.

    One row for each stage that attends and, where the drawing has its maps, one for the regions that words
    pick in the largest image; see `attnforge.run.figure`. A word is labelled with its place in the
    caption, counted from 0, and its mass.

    Args:
        drawing: What to show. Without attention maps only its stages are shown.
        path: The file to write; its folder must be there.
        top: How many words a row shows, those with the highest mass first.
        side: Side in pixels at which every image is shown; near its largest image's when not given.
    """
    side = side or shown_side(drawing.images[-1].shape[1])
    rows = [_stages(drawing, side)]
    for one in figure_rows(drawing):
        words = one.strongest(top)
        tiles = [Image.fromarray(image) for image in lit(one, words, side=side)]
        labels = [f"{word}:{drawing.words[word]}  {100 * one.masses[word]:.0f}%" for word in words]
        rows.append(row(tiles, side, above=labels, title=one.title))
    return _save(stack(rows), path)


def shown_side(size: int) -> int:
    """A side in pixels to show images of `size` pixels at: a whole multiple from 160 on, 256 at most."""
    return min(256, size * -(-160 // size))


def lit(
    one: FigureRow, words: Sequence[int], *, side: int, dark: float = 0.16
) -> list[UInt8[np.ndarray, "side side 3"]]:
    """A row's image for each of some words, dark where the word has no weight.

    The brightest place of these words keeps its full brightness, so that they can be compared; where it does
    not stand out by as much as an even share, that share would.

    Args:
        one: The row.
        words: Which words, in order.
        side: Side in pixels of the results.
        dark: What is left of the brightness where a map is 0, in [0, 1].
    """
    image = np.asarray(tile(one.image, side), dtype=np.float32)
    maps: list[Float[np.ndarray, "side side"]] = [enlarge(one.maps[word], side) for word in words]
    brightest = max([one.even, *(float(light.max()) for light in maps)])
    shares = [light / brightest for light in maps]
    return [np.asarray(image * (dark + (1 - dark) * share[..., None]), dtype=np.uint8) for share in shares]


def _stages(drawing: GeneratedImage, side: int) -> Image.Image:
    return row([tile(image, side) for image in drawing.images], side, below=drawing.caption)


def _save(sheet: Image.Image, path: Path) -> Path:
    sheet.save(path, format="PNG")
    return path
