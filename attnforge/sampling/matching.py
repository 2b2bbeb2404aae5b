"""A scorer that compares images with captions by the run's own encoders."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.specs import ScorerSpec


class MatchingScorer:
    """The cosine of image and sentence in the common space of the encoders that DAMSM trained.

    It is what `r-precision` compares, so images that were chosen by it are not measured fairly by that.

    Raises:
        RecipeError: The recipe has no image encoder.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(self, spec: ScorerSpec) -> None:
        if spec.image is None:
            message = "the scorer `damsm` compares images with captions by an image encoder, which is missing"
            expected = "an `image` encoder in the recipe, or another scorer"
            step = "attnforge components scorer"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected, next_step=step))
        self.image = spec.image

    def __call__(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt, /) -> Float[Tensor, "b"]:
        """A score in [-1, 1] for each image, with gradients to the images."""
        return F.cosine_similarity(self.image(images).image.float(), prompt.sentence.float(), dim=1)
