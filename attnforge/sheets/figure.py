"""The content of an attention figure: weights above a uniform share, and the words that stand out."""

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
    contrasts: Float[np.ndarray, "l"]
    """How far the map of each word is from an even one, in [0, 1]; 0 if all pixels attend to it alike."""
    uniform: float
    """The uniform share."""

    def strongest(self, top: int = TOP_WORDS) -> list[int]:
        """The words of highest contrast, the highest first; of equal ones, the first in the caption."""
        return [int(word) for word in np.argsort(-self.contrasts, kind="stable")[:top]]


def figure_rows(generated: GeneratedImage) -> list[FigureRow]:
    """A row for each stage with attention, as in Fig. 1 and 4 of AttnGAN, and one for the matching's regions.

    The paper (Xu et al., CVPR 2018) shows no map of its matching; it is added as the last row.
    """
    rows = []
    for number, (image, weights) in enumerate(generated.stages, start=1):
        if weights is not None:
            height, width, _ = image.shape
            title = f"stage {number}, {width} x {height}: the words that stand out"
            rows.append(stage_row(image, weights, title=title))
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
        mean[i]     = sum over pixels j of beta[j, i] / N
        contrast[i] = sum over pixels j of max(beta[j, i] - mean[i], 0) / N

    A pixel that attends to all words equally is black in every map; with one word, all are. The paper ranks
    words by the sum of beta', which words such as "and" lead that every pixel attends to a little. The
    contrast is the share of all attention that would have to move to make the word's map even.

    Args:
        image: The image of the stage.
        weights: Its maps, one for each word, without padding; at each pixel they sum to one.
        title: The title of the row.
    """
    uniform = 1 / max(1, len(weights))
    kept = np.where(weights > uniform * _MARGIN, weights, np.zeros_like(weights))
    mean = weights.mean(axis=(1, 2), keepdims=True)
    above = np.where(weights > mean * _MARGIN, weights - mean, np.zeros_like(weights))
    return FigureRow(title, image, kept, above.mean(axis=(1, 2)), uniform)


def region_row(
    image: UInt8[np.ndarray, "_ _ 3"], maps: Float[np.ndarray, "l h w"], *, title: str = ""
) -> FigureRow:
    """Keep the weight of a region for a word above 1 / N, N being the regions of the image.

    With a[i, j] the weight of region j for word i (Eq. 9):

        a'[i, j]    = max(a[i, j] - 1 / N, 0)
        contrast[i] = sum over regions j of a'[i, j]

    A word that attends to all regions equally is black and has no contrast. The contrast is the total
    variation distance to a uniform map: the part of the weight that would have to move to reach it.

    Args:
        image: The image.
        maps: One map for each word, without padding; each sums to one.
        title: The title of the row.
    """
    _, height, width = maps.shape
    uniform = 1 / max(1, height * width)
    kept = np.where(maps > uniform * _MARGIN, maps - uniform, np.zeros_like(maps))
    return FigureRow(title, image, kept, kept.sum(axis=(1, 2)), uniform)
