"""What a figure of attention shows: weights above an even share, and the words that have most of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from attnforge.run.generated import GeneratedImage

TOP = 5
"""How many words the paper's figures show for each stage."""

_MARGIN = 1 + 1e-5
"""Weights that are equal but for rounding are not above an even share."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One row of a figure: an image, and what of it belongs to each word. h w cells of the maps, l words."""

    title: str
    image: UInt8[np.ndarray, "_ _ 3"]
    maps: Float[np.ndarray, "l h w"]
    """What stands out of an even share, never negative; 0 elsewhere."""
    masses: Float[np.ndarray, "l"]
    """How much that is of each word, in [0, 1]."""
    even: float
    """The even share."""

    def strongest(self, top: int = TOP) -> list[int]:
        """The words with the highest masses, the highest first; of equal ones, the first in the caption."""
        return [int(word) for word in np.argsort(-self.masses, kind="stable")[:top]]


def figure_rows(drawing: GeneratedImage) -> list[FigureRow]:
    """A row for each stage that attends, as in Fig. 1 and 4 of AttnGAN, and one for the matching's regions.

    The paper (Xu et al., CVPR 2018) shows no map of its matching; it is added as the last row.
    """
    first = len(drawing.images) - len(drawing.attention)
    rows = []
    for number, weights in enumerate(drawing.attention, start=first):
        height, width, _ = drawing.images[number].shape
        title = f"stage {number + 1}, {width} x {height}: the most attended words"
        rows.append(stage_row(drawing.images[number], weights, title=title))
    if drawing.regions is not None:
        title = "matching: the regions of the last image that words pick"
        rows.append(region_row(drawing.images[-1], drawing.regions, title=title))
    return rows


def stage_row(
    image: UInt8[np.ndarray, "_ _ 3"], weights: Float[np.ndarray, "l h w"], *, title: str = ""
) -> FigureRow:
    """Keep a pixel's weight of a word where it is above 1 / T, T being the words of the caption (Eq. 15).

    With beta[j, i] the weight of word i at pixel j, of N pixels:

        beta'[j, i] = beta[j, i]  where beta[j, i] > 1 / T,  and 0 otherwise
        mass[i]     = sum over pixels j of beta'[j, i] / N

    The paper ranks words by the same sum without its N, so the order is the paper's and the mass a share of
    all attention. A pixel that attends to all words alike is black in every map; with one word, each is.

    Args:
        image: The image that the stage drew.
        weights: Its maps, one a word, without padding; at each pixel they sum to one.
        title: Says what the row is.
    """
    even = 1 / max(1, len(weights))
    kept = np.where(weights > even * _MARGIN, weights, np.zeros_like(weights))
    return FigureRow(title, image, kept, kept.mean(axis=(1, 2)), even)


def region_row(
    image: UInt8[np.ndarray, "_ _ 3"], maps: Float[np.ndarray, "l h w"], *, title: str = ""
) -> FigureRow:
    """Keep what a word gives a region above 1 / N, N being the regions of the image.

    With a[i, j] the weight of region j for word i (Eq. 9):

        a'[i, j] = max(a[i, j] - 1 / N, 0)
        mass[i]  = sum over regions j of a'[i, j]

    A word that picks all regions alike is black and has no mass. The mass is the part of its weight that
    would have to move to make it so: the total variation distance to an even map.

    Args:
        image: The image that was looked at.
        maps: One map a word, without padding; each sums to one.
        title: Says what the row is.
    """
    _, height, width = maps.shape
    even = 1 / max(1, height * width)
    kept = np.where(maps > even * _MARGIN, maps - even, np.zeros_like(maps))
    return FigureRow(title, image, kept, kept.sum(axis=(1, 2)), even)
