"""Sheets of images of one noise and several captions, such as Figure 5 of AttnGAN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.figure import FigureRow, region_row, stage_row
from attnforge.sheets.layout import row, stack, tile
from attnforge.sheets.pages import display_side, highlight


def swap_sheet(rows: Sequence[Sequence[GeneratedImage]], path: Path, *, side: int | None = None) -> Path:
    """Write a PNG with the images of each caption from top to bottom, and of each noise from left to right.

    Below the images of a caption are their attention maps for the words in which captions differ: of the last
    stage with attention or, without one, of the matching's regions. Images without maps are shown alone.

    Args:
        rows: The images of each caption, of the same noises; captions have equally many words.
        path: The file to write; its folder must exist.
        side: Side in pixels at which every image is shown; by default near that of the largest image.
    """
    side = side or display_side(rows[0][0].images[-1].shape[1])
    positions = changed_words(rows)
    pages: list[Image.Image] = []
    for samples in rows:
        above = [f"noise {sample.index}" for sample in samples] if samples is rows[0] else []
        tiles = [tile(sample.images[-1], side) for sample in samples]
        pages.append(row(tiles, side, above=above, title=samples[0].caption))
        pages += _maps(samples, positions, side)
    stack(pages).save(path, format="PNG")
    return path


def changed_words(rows: Sequence[Sequence[GeneratedImage]]) -> list[int]:
    """The positions of the words that are not the same in all captions."""
    captions = [samples[0].words for samples in rows]
    return [position for position, words in enumerate(zip(*captions, strict=True)) if len(set(words)) > 1]


def _maps(samples: Sequence[GeneratedImage], positions: Sequence[int], side: int) -> Iterator[Image.Image]:
    """A row for each of the words, with its map on each image."""
    figures = [figure for sample in samples if (figure := _last_maps(sample)) is not None]
    if not figures:
        return
    shown = [highlight(figure, positions, side=side) for figure in figures]
    for number, position in enumerate(positions):
        tiles = [Image.fromarray(maps[number]) for maps in shown]
        contrasts = [f"{100 * figure.contrasts[position]:.0f}%" for figure in figures]
        yield row(tiles, side, above=contrasts, title=f"attention to {samples[0].words[position]!r}")


def _last_maps(sample: GeneratedImage) -> FigureRow | None:
    if sample.attention:
        return stage_row(sample.images[-1], sample.attention[-1])
    return None if sample.regions is None else region_row(sample.images[-1], sample.regions)
