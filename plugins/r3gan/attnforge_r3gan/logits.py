"""The logits that R3GAN's terms compare: with the caption and, where the discriminator can, without."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Discriminator, Prompt
from attnforge.specs import LossSpec


def has_unconditional(spec: LossSpec, requested: bool | None) -> bool:
    """Whether a loss also uses logits without a caption: as requested, or as the discriminators can.

    Raises:
        RecipeError: They are requested of one-way discriminators.
    """
    if requested and not spec.unconditional:
        message = "the loss needs logits without a caption, which the discriminator does not have"
        expected = "`unconditional: false` in the loss, or a discriminator with an unconditional head"
        raise RecipeError(Problem("no-unconditional-head", message, expected=expected))
    return spec.unconditional if requested is None else requested


def logits_of(
    network: Discriminator, features: Float[Tensor, "b c h w"], prompt: Prompt, *, unconditional: bool
) -> list[Float[Tensor, "b *_"]]:
    """The logits of images with their captions, then those without, in at least float32."""
    logits = [at_least_float32(network.logits(features, prompt))]
    if unconditional:
        logits.append(at_least_float32(network.logits(features, None)))
    return logits
