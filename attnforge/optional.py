"""What a part may offer beside what its kind promises; attnforge uses it where it is there."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from attnforge.values import ImageFeatures, TextFeatures


@runtime_checkable
class RegionMatcher(Protocol):
    """A loss or a task that looks for each word in an image's regions, and can say where it looks.

    Optional. Where a recipe has one, sheets and reports of its run show these maps for drawn images.
    """

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """How much each word picks each region of its own image: a word's map sums to one, padding is 0."""
        ...
