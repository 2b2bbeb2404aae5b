"""What a part may offer besides the interface of its kind; attnforge uses it where present."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from attnforge.values import ImageFeatures, TextFeatures


@runtime_checkable
class RegionMatcher(Protocol):
    """A loss or a task that matches words with an image's regions and can return its attention maps.

    Optional. Where a recipe has one, sheets and reports of its run show these maps for generated images.
    """

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """How much each word attends to each region of its image: a word's map sums to 1, padding is 0."""
        ...
