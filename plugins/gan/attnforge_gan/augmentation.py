"""Differentiable augmentation of everything that a discriminator sees, without changing what captions say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.ranges import Share

Operation = Literal["brightness", "contrast", "translation", "cutout", "mirror"]
MAX_BRIGHTNESS = 0.5
"""Added to pixels in [-1, 1], at most."""
MAX_SHIFT = 1 / 8
"""Of the side of the image."""
HOLE = 1 / 2
"""Side of the square that `cutout` removes, as a share of the side of the image."""

Operations = Annotated[tuple[Operation, ...], Field(min_length=1)]
Draw = Float[Tensor, "b k"]
"""Uniform numbers in [0, 1) that determine what happens to each image."""


class Augmentation:
    """Chooses what happens to each image of a batch; calling it again repeats the choice on other images.

    The operations are those of DiffAugment (Zhao et al., 2020) that leave a caption true. Its change of
    saturation is missing, and so are the changes of hue and luma of ADA (Karras et al., 2020): they make a
    red bird another bird. Gradients reach the images.

    - `brightness` adds one number in [-0.5, 0.5] to all pixels; `contrast` scales the differences from the
      mean of the image by 0.5 to 1.5. Captions that name black, white or grey may become false.
    - `translation` shifts the image by up to an eighth of its side; what comes in is 0.
    - `cutout` sets a square of half the side to 0, with its centre anywhere on the image.
    - `mirror` exchanges left and right, for captions that name neither.

    Args:
        draws: Uniform numbers, from `draw`.
        operations: What is done, in this order.
        probability: How often each operation is done to an image.
    """

    def __init__(
        self,
        draws: Float[Tensor, "o b 3"],
        *,
        operations: Sequence[Operation],
        probability: Share | Float[Tensor, ""],
    ) -> None:
        self.draws = draws
        self.operations = tuple(operations)
        self.probability = probability

    @classmethod
    def draw(
        cls,
        images: Float[Tensor, "b 3 h w"],
        *,
        operations: Sequence[Operation],
        probability: Share | Float[Tensor, ""],
    ) -> Augmentation:
        """Choose for as many images as there are.

        Args:
            images: The images; only their number and device matter.
            operations: What is done, in this order.
            probability: How often each operation is done to an image.
        """
        draws = torch.rand(len(operations), len(images), 3, device=images.device)
        return cls(draws, operations=operations, probability=probability)

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        for operation, draws in zip(self.operations, self.draws, strict=True):
            changed = _OPERATIONS[operation](images, draws[:, :2].to(images.dtype))
            chosen = (draws[:, 2] < self.probability)[:, None, None, None]
            images = changed.where(chosen, images)
        return images


def brightness(images: Float[Tensor, "b 3 h w"], draws: Float[Tensor, "b 2"]) -> Float[Tensor, "b 3 h w"]:
    """The first draw adds -0.5 to 0.5."""
    added: Tensor = (2 * draws[:, 0] - 1) * MAX_BRIGHTNESS
    return images + added[:, None, None, None]


def contrast(images: Float[Tensor, "b 3 h w"], draws: Float[Tensor, "b 2"]) -> Float[Tensor, "b 3 h w"]:
    """The first draw scales by 0.5 to 1.5 about the mean of the image."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (draws[:, 0] + 0.5)[:, None, None, None]


def translation(images: Float[Tensor, "b 3 h w"], draws: Float[Tensor, "b 2"]) -> Float[Tensor, "b 3 h w"]:
    """The draws shift rows and columns by whole pixels, up to an eighth of the side."""
    height, width = images.shape[2:]
    farthest = round(height * MAX_SHIFT)
    shifts = (draws * (2 * farthest + 1)).floor().long() - farthest
    # reads from an image with a margin of zeros, in which what lies outside is clamped to
    rows = (torch.arange(height, device=images.device) - shifts[:, :1] + 1).clamp(0, height + 1)
    columns = (torch.arange(width, device=images.device) - shifts[:, 1:] + 1).clamp(0, width + 1)
    padded = F.pad(images, (1, 1, 1, 1))
    by_row = padded.gather(2, rows[:, None, :, None].expand(-1, 3, -1, width + 2))
    return by_row.gather(3, columns[:, None, None, :].expand(-1, 3, height, -1))


def cutout(images: Float[Tensor, "b 3 h w"], draws: Float[Tensor, "b 2"]) -> Float[Tensor, "b 3 h w"]:
    """The draws are the centre of the square that becomes 0."""
    height, width = images.shape[2:]
    inside = [
        ((torch.arange(side, device=images.device) + 0.5) / side - draws[:, axis, None]).abs() < HOLE / 2
        for axis, side in enumerate((height, width))
    ]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0)


def mirror(images: Float[Tensor, "b 3 h w"], draws: Float[Tensor, "b 2"]) -> Float[Tensor, "b 3 h w"]:
    """The first draw decides: half of the images are mirrored."""
    return images.flip(3).where((draws[:, 0] < 0.5)[:, None, None, None], images)


_OPERATIONS: dict[Operation, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
    "mirror": mirror,
}
