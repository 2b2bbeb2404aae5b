"""Contact sheets and attention sheets of generated images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.enlarging import enlarge
from attnforge.sheets.figure import TOP_WORDS, FigureRow, figure_rows
from attnforge.sheets.layout import row, stack, tile
from attnforge.sheets.marking import has_marks, marked

COLUMNS = 8
"""Images side by side at most."""


def contact_sheet(samples: Sequence[GeneratedImage], path: Path, *, side: int | None = None) -> Path:
    """Write a PNG with captions from top to bottom and, from left to right, the images of each.

    A caption with one image shows its stages instead, smallest first; a sampler that searches, the images on
    the way to each result, with the number of updates above them. Captions have as many rows as they need.
    The box or the key points that an image was to show are drawn over a copy of it.

    Args:
        samples: The generated images in order; those of a caption follow one another. At least one.
        path: The file to write; its folder must exist.
        side: Side in pixels at which every image is shown; by default near that of the largest image.

    Raises:
        ValueError: `samples` is empty.
    """
    if not samples:
        raise ValueError("a contact sheet needs at least one sample")
    side = side or display_side(max(sample.images[-1].shape[1] for sample in samples))
    captions = [list(group) for _, group in groupby(samples, key=lambda sample: sample.caption)]
    return _save(stack([part for group in captions for part in _rows(group, side)]), path)


def attention_sheet(
    sample: GeneratedImage, path: Path, *, top: int = TOP_WORDS, side: int | None = None
) -> Path:
    """Write a PNG like Fig. 1 and 4 of AttnGAN: the stages, and below them the words that stand out.

    One row for each stage with attention and, if the sample has its maps, one for the regions of each word in
    the largest image; see `attnforge.sheets.figure`. A word's label has its position in the caption, from 0,
    and its contrast.

    Args:
        sample: The generated image. Without attention maps only its stages are shown.
        path: The file to write; its folder must exist.
        top: Words in a row, those with the highest contrast first.
        side: Side in pixels at which every image is shown; by default near that of the largest image.
    """
    side = side or display_side(sample.images[-1].shape[1])
    rows = _rows([sample], side)
    for figure_row in figure_rows(sample):
        words = figure_row.strongest(top)
        tiles = [Image.fromarray(image) for image in highlight(figure_row, words, side=side)]
        labels = [f"{word}:{sample.words[word]}  {100 * figure_row.contrasts[word]:.0f}%" for word in words]
        rows.append(row(tiles, side, above=labels, title=figure_row.title))
    return _save(stack(rows), path)


def display_side(size: int) -> int:
    """The side in pixels at which to show images of `size` pixels: a multiple from 160 on, at most 256."""
    return min(256, size * -(-160 // size))


def highlight(
    figure_row: FigureRow, words: Sequence[int], *, side: int, dark: float = 0.16
) -> list[UInt8[np.ndarray, "side side 3"]]:
    """The image of a row for each of the words, darkened where the word has little weight.

    The largest weight of these words, or the uniform share if that is larger, keeps full brightness, so that
    the words can be compared.

    Args:
        figure_row: The row.
        words: The positions of the words.
        side: Side of the results in pixels.
        dark: Brightness where a map is 0, in [0, 1].
    """
    image = np.asarray(tile(figure_row.image, side), dtype=np.float32)
    maps: list[Float[np.ndarray, "side side"]] = [enlarge(figure_row.maps[word], side) for word in words]
    largest = max([figure_row.uniform, *(float(weights.max()) for weights in maps)])
    shares = [weights / largest for weights in maps]
    return [np.asarray(image * (dark + (1 - dark) * share[..., None]), dtype=np.uint8) for share in shares]


def _rows(samples: Sequence[GeneratedImage], side: int) -> list[Image.Image]:
    """The rows of images of one caption, with the caption below the last."""
    if any(sample.steps for sample in samples):
        return [part for sample in samples for part in _labelled(_steps(sample, side), side, sample.caption)]
    if len(samples) == 1:
        (sample,) = samples
        tiles = [tile(image, side) for image in sample.images]
        if has_marks(sample.extras):
            tiles.append(marked(tiles[-1], sample.extras))
        return [row(tiles, side, below=sample.caption)]
    tiles = [tile(sample.images[-1], side) for sample in samples]
    rows = []
    for start in range(0, len(tiles), COLUMNS):
        part = range(start, min(start + COLUMNS, len(tiles)))
        rows.append([tiles[number] for number in part])
        if any(has_marks(samples[number].extras) for number in part):
            rows.append([marked(tiles[number], samples[number].extras) for number in part])
    caption = samples[0].caption
    return [row(part, side, below=caption if part is rows[-1] else "") for part in rows]


def _steps(sample: GeneratedImage, side: int) -> list[tuple[str, Image.Image]]:
    if not sample.steps:
        return [("", tile(sample.images[-1], side))]
    return [(f"step {number}", tile(image, side)) for number, image in sample.steps.items()]


def _labelled(shown: Sequence[tuple[str, Image.Image]], side: int, caption: str) -> list[Image.Image]:
    parts = [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    return [
        row(
            [image for _, image in part],
            side,
            above=[label for label, _ in part],
            below=caption if part is parts[-1] else "",
        )
        for part in parts
    ]


def _save(sheet: Image.Image, path: Path) -> Path:
    sheet.save(path, format="PNG")
    return path
