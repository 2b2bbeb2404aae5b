"""The cosine of every word with its context, and its gradient, with the official guard against zeros."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.region_matching.reference import MIN_NORM


@dataclass(frozen=True, slots=True)
class Cosines:
    """Of r words e with their unscaled contexts u in p images, which stand for the contexts c = u / z."""

    value: Float[Tensor, "p r"]
    """u . e / max(|u| |e|, 1e-8 z), which is c . e / max(|c| |e|, 1e-8)."""
    divisor: Float[Tensor, "p r"]
    guarded: Bool[Tensor, "p r"]
    """Where the divisor is clamped to its minimum."""
    squares: Float[Tensor, "p r"]
    """|u|^2."""
    totals: Float[Tensor, "p r"]
    """z, the sum of a word's weights."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """The gradient of the cosines: a e - b u for u, and a u - c e for e, apart from its part through u."""

    a: Float[Tensor, "p r"]
    b: Float[Tensor, "p r"]
    c: Float[Tensor, "p r"]
    totals: Float[Tensor, "p r"] | None
    """For z; None if nothing is clamped, and z has no influence."""


def cosines_of(
    dots: Float[Tensor, "p r"],
    squares: Float[Tensor, "p r"],
    word_squares: Float[Tensor, "r"],
    totals: Float[Tensor, "p r"],
) -> Cosines:
    """Cosines from u . e, |u|^2, |e|^2 and z."""
    norms = squares.sqrt() * word_squares.sqrt()
    smallest = MIN_NORM * totals
    divisor = torch.maximum(norms, smallest)
    return Cosines(dots / divisor, divisor, norms < smallest, squares, totals)


def slopes_of(cosines: Cosines, word_squares: Float[Tensor, "r"], incoming: Float[Tensor, "p r"]) -> Slopes:
    """The chain rule through `cosines_of`, for a gradient of the cosines."""
    pull = incoming * cosines.value
    b, c = pull / cosines.squares, pull / word_squares
    totals = None
    if cosines.guarded.any():
        b, c = b.masked_fill(cosines.guarded, 0), c.masked_fill(cosines.guarded, 0)
        totals = (-pull / cosines.totals).masked_fill(~cosines.guarded, 0)
    return Slopes(incoming / cosines.divisor, b, c, totals)
