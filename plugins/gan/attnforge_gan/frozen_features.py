"""Features of images for losses that compare sets of images, from a network that does not learn."""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.frozen import Frozen
from attnforge.adversarial.precision import at_least_float32
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Build, FeatureNetwork
from attnforge.specs import LossSpec


class FrozenFeatures(nn.Module):
    """The features of a feature network, or the image vectors of the recipe's image encoder.

    Args:
        spec: Whether there is an image encoder, and its width.
        network: The feature network; None for the image encoder.

    Raises:
        RecipeError: There is neither, or the feature network is no torch module.
    """

    def __init__(self, spec: LossSpec, network: Build[FeatureNetwork] | None) -> None:
        super().__init__()
        self.dim = spec.words
        """Width d of the features."""
        self.network: Frozen | None = None
        if network is not None:
            built = network()
            if not isinstance(built, nn.Module):
                message = f"the feature network {type(built).__name__} is not a torch.nn.Module"
                expected = "a class that extends torch.nn.Module"
                raise RecipeError(Problem("not-a-module", message, expected=expected))
            self.dim = built.dim
            self.network = Frozen(built)
        elif not spec.image_encoder:
            message = "the loss compares features of images, and the recipe has no image encoder to give them"
            expected = "`network` with a feature network, such as `inception-v3`, or the section `image`"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))

    def of(self, images: Float[Tensor, "b 3 h w"], step: AdversarialStep) -> Float[Tensor, "b d"]:
        """The features of images, with gradients to them."""
        if self.network is not None:
            return at_least_float32(cast("Tensor", self.network(images).features))
        assert step.image_encoder is not None, "the spec requires an image encoder"  # noqa: S101
        return at_least_float32(step.image_encoder(images).image)
