"""The content of an attention figure: weights above a uniform share, and the most attended words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from attnforge.sampling.generated import GeneratedImage

TOP_WORDS = 5
"""Words that the paper's figures show for each stage."""

_MARGIN = 1 + 1e-5
"""Weights that equal the uniform share up to rounding are not above it."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One row of a figure: an image, and a map for each word; shapes: h w cells of the maps, l words."""

    title: str
    image: UInt8[np.ndarray, "_ _ 3"]
    maps: Float[np.ndarray, "l h w"]
    """Weights above the uniform share, never negative; 0 elsewhere."""
    masses: Float[np.ndarray, "l"]
    """The sum of these for each word, in [0, 1]."""
    uniform: float
    """The uniform share."""

    def strongest(self, top: int = TOP_WORDS) -> list[int]:
        """The words with the highest masses, the highest first; of equal ones, the first in the caption."""
        return [int(word) for word in np.argsort(-self.masses, kind="stable")[:top]]


def figure_rows(generated: GeneratedImage) -> list[FigureRow]:
    """A row for each stage with attention, as in Fig. 1 and 4 of AttnGAN, and one for the matching's regions.

    The paper (Xu et al., CVPR 2018) shows no map of its matching; it is added as the last row.
    """
    first = len(generated.images) - len(generated.attention)
    rows = []
    for number, weights in enumerate(generated.attention, start=first):
        height, width, _ = generated.images[number].shape
        title = f"stage {number + 1}, {width} x {height}: the most attended words"
        rows.append(stage_row(generated.images[number], weights, title=title))
    if generated.regions is not None:
        title = "matching: the regions of the final image for each word"
        rows.append(region_row(generated.images[-1], generated.regions, title=title))
    return rows


def stage_row(
    image: UInt8[np.ndarray, "_ _ 3"], weights: Float[np.ndarray, "l h w"], *, title: str = ""
) -> FigureRow:
    """Keep a pixel's weight of a word where it is above 1 / T, T being the words of the caption (Eq. 15).

    With beta[j, i] the weight of word i at pixel j, of N pixels:

        beta'[j, i] = beta[j, i]  where beta[j, i] > 1 / T,  and 0 otherwise
        mass[i]     = sum over pixels j of beta'[j, i] / N

    The paper ranks words by the same sum without its N, so the order is the paper's and the mass a share of
    all attention. A pixel that attends to all words equally is black in every map; with one word, all are.

    Args:
        image: The image of the stage.
        weights: Its maps, one for each word, without padding; at each pixel they sum to one.
        title: The title of the row.
    """
    uniform = 1 / max(1, len(weights))
    kept = np.where(weights > uniform * _MARGIN, weights, np.zeros_like(weights))
    return FigureRow(title, image, kept, kept.mean(axis=(1, 2)), uniform)


def region_row(
    image: UInt8[np.ndarray, "_ _ 3"], maps: Float[np.ndarray, "l h w"], *, title: str = ""
) -> FigureRow:
    """Keep the weight of a region for a word above 1 / N, N being the regions of the image.

    With a[i, j] the weight of region j for word i (Eq. 9):

        a'[i, j] = max(a[i, j] - 1 / N, 0)
        mass[i]  = sum over regions j of a'[i, j]

    A word that attends to all regions equally is black and has no mass. The mass is the total variation
    distance to a uniform map: the part of the weight that would have to move to reach it.

    Args:
        image: The image.
        maps: One map for each word, without padding; each sums to one.
        title: The title of the row.
    """
    _, height, width = maps.shape
    uniform = 1 / max(1, height * width)
    kept = np.where(maps > uniform * _MARGIN, maps - uniform, np.zeros_like(maps))
    return FigureRow(title, image, kept, kept.sum(axis=(1, 2)), uniform)
