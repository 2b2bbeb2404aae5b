"""What a figure of attention shows: weights above an even share, and the words that have most of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

TOP = 5
"""How many words a figure of the paper shows for each stage."""

_MARGIN = 1 + 1e-5
"""Weights that are equal but for rounding are not above an even share."""


def above_even_share(weights: Float[np.ndarray, "l h w"]) -> Float[np.ndarray, "l h w"]:
    """Keep a pixel's weight of a word where it is above 1 / T, T being the words of the caption (Eq. 15).

    Eq. 15 of AttnGAN (Xu et al., CVPR 2018), with beta[j, i] the weight of word i at pixel j:

        beta'[j, i] = beta[j, i]  where beta[j, i] > 1 / T,  and 0 otherwise

    So a pixel that attends to all words alike is black in every map. With one word every pixel does.

    Args:
        weights: The maps of one stage, one a word, without padding; at each pixel they sum to one.
    """
    return _kept(weights, even=1 / max(1, len(weights)))


def above_even_region(maps: Float[np.ndarray, "l h w"]) -> Float[np.ndarray, "l h w"]:
    """Keep a word's weight of a region where it is above 1 / N, N being the regions of the picture.

    The rule of Eq. 15 for maps that sum to one over regions (Eq. 9) and not over words; the paper shows no
    such maps. A word that picks all regions alike is black.

    Args:
        maps: The maps of one picture, one a word, without padding; each sums to one.
    """
    return _kept(maps, even=1 / max(1, maps[0].size if len(maps) else 1))


def strongest(masses: Float[np.ndarray, "l"], *, top: int = TOP) -> list[int]:
    """The words with the highest masses, the highest first; of equal ones, the first in the caption."""
    return [int(word) for word in np.argsort(-masses, kind="stable")[:top]]


def _kept(weights: Float[np.ndarray, "l h w"], *, even: float) -> Float[np.ndarray, "l h w"]:
    return np.where(weights > even * _MARGIN, weights, 0)
