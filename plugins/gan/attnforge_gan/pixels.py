"""The distance of generated images to the real ones of their captions, by pixels and by edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import AdversarialStep
from attnforge.ranges import Weight
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec


class PixelLoss:
    """Pulls a generated image towards the real image of its caption, by pixels and by edges.

    With x the real and y the generated image, of every size that the generator outputs, and d the differences
    of neighbouring pixels in a row and in a column,

        weight * (mean |y - x| + edges mean |d y - d x|)

    as a mean over the sizes: the first part is the loss that pix2pix has beside the adversarial one, with a
    hundred times its weight (Isola et al., 2017). After the task `reconstruction` it keeps the shapes. Its
    price is diversity, and data that mirrors or shifts training images is refused. The discriminators have no
    term.

    Args:
        weight: Factor of both terms.
        edges: Factor of the distance of edges within it.
    """

    needs_still_images: ClassVar[bool] = True

    def __init__(self, spec: LossSpec, *, weight: ScheduledWeight = 10.0, edges: Weight = 1.0) -> None:
        self.weight = weight
        self.edges = edges

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No term."""
        return {}

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Both distances."""
        pixels, edges = distances(step.fake.images, step.real)
        weight = step.value(self.weight)
        return {"pixels": weight * pixels, "edges": weight * self.edges * edges}


def distances(
    fake: Sequence[Float[Tensor, "b 3 _ _"]], real: Sequence[Float[Tensor, "b 3 _ _"]]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """How far images are apart by their pixels and by the differences of neighbours, as means over sizes."""
    differences = [own.float() - target for own, target in zip(fake, real, strict=True)]
    pixels = torch.stack([difference.abs().mean() for difference in differences]).mean()
    edges = torch.stack([_slopes(difference) for difference in differences]).mean()
    return pixels, edges


def _slopes(difference: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
    """How much neighbours differ in what is left, in rows and in columns."""
    across = difference[..., 1:] - difference[..., :-1]
    down = difference[:, :, 1:] - difference[:, :, :-1]
    return (across.abs().mean() + down.abs().mean()) / 2
