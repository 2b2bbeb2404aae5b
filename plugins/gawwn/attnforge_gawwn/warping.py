"""Boxes as differentiable samplers: maps are cropped to a box, or pasted into it.

Spatial transformers (Jaderberg et al., 2015) that only scale and shift. A map spans -1 to 1 from the centre
of its first pixel to that of its last; what lies outside it counts 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Boxes = Float[Tensor, "b 4"]
"""Left, top, width and height as shares of the image."""
SMALLEST_SIDE = 1e-3
"""A box that is narrower counts as this wide, so that every number stays finite."""


def crop(maps: Float[Tensor, "b c h w"], boxes: Boxes) -> Float[Tensor, "b c h w"]:
    """The inside of each box, enlarged to the whole map."""
    scale, shift = _scale_and_shift(boxes)
    return _sampled(maps, scale, shift)


def paste(maps: Float[Tensor, "b c h w"], boxes: Boxes) -> Float[Tensor, "b c h w"]:
    """The whole map, reduced to the inside of each box, and 0 outside: the inverse of `crop`."""
    scale, shift = _scale_and_shift(boxes)
    return _sampled(maps, 1 / scale, -shift / scale)


def _scale_and_shift(boxes: Boxes) -> tuple[Float[Tensor, "b 2"], Float[Tensor, "b 2"]]:
    """Where a crop samples: position x of the result comes from scale * x + shift, across and down."""
    corner, scale = boxes[:, :2], boxes[:, 2:].clamp_min(SMALLEST_SIDE)
    return scale, 2 * (corner + scale / 2 - 0.5)


def _sampled(
    maps: Float[Tensor, "b c h w"], scale: Float[Tensor, "b 2"], shift: Float[Tensor, "b 2"]
) -> Float[Tensor, "b c h w"]:
    transforms = torch.cat((torch.diag_embed(scale), shift[:, :, None]), dim=2).to(maps.dtype)
    grid = F.affine_grid(transforms, list(maps.shape), align_corners=True)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
