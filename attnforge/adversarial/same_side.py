"""Mirrors real images so that all show the same side."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attnforge.compute.collectives import sum_over_processes
from attnforge.values import Batch

SIDE = 8
"""Side in pixels to which the maps of edges are averaged."""
KEPT = 0.99
"""Share of the running covariance that a step keeps."""
ITERATIONS = 4
"""Power iterations in each step, from the component of the step before."""
SMALLEST = 1e-8
"""Added to norms, for images of a single colour."""


class SameSide(nn.Module):
    """Mirrors images so that all show the same side, which nobody has to name.

    With e(x) the edges of an image x, |dx/dcolumn| + |dx/drow| summed over colours, averaged to 8 x 8 values
    and divided by their norm, and m the mirror image,

        a(x) = e(x) - e(m x),        x is mirrored where <w, a(x)> < 0

    with w the leading principal component of a over the images so far: what the two sides differ in most.
    Edges are the same for light objects on dark backgrounds as for dark on light.

    Where mirrored images are as likely, any w is right: the images with <w, a(x)> > 0, mirrored or not by the
    toss of a coin, are distributed as all images are. So a generator may learn these alone, and mirror half
    of what it samples; see `attnforge.optional.Mirrors`. The component only decides how alike they are.
    """

    covariance: Tensor
    """Of a, a running sum over the images of all processes."""
    component: Tensor
    """The leading principal component, of norm 1."""

    def __init__(self) -> None:
        super().__init__()
        left = torch.ones(SIDE, SIDE)
        left[:, SIDE // 2 :] = -1
        self.register_buffer("covariance", torch.zeros(SIDE * SIDE, SIDE * SIDE))
        self.register_buffer("component", left.flatten() / SIDE)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Batch:
        """The batch, its images mirrored where they show the other side; the component takes them in."""
        differences = asymmetry(batch.image)
        self.covariance.mul_(KEPT).add_(sum_over_processes(differences.T @ differences))
        component = self.component
        for _ in range(ITERATIONS):
            component = self.covariance @ component + SMALLEST * component
            component = component / component.norm()
        self.component.copy_(component)
        other = differences @ component < 0
        levels = None if batch.levels is None else mirrored(batch.levels, other)
        return replace(batch, image=mirrored(batch.image, other), levels=levels)


def asymmetry(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b a"]:
    """How the edges of each image differ from those of its mirror image, row after row."""
    across = (images[:, :, :-1, 1:] - images[:, :, :-1, :-1]).abs()
    down = (images[:, :, 1:] - images[:, :, :-1]).abs()
    # the mean of neighbours, so that the map of a mirror image is the mirrored map
    edges = across.sum(dim=1) + (down[..., 1:] + down[..., :-1]).sum(dim=1) / 2
    maps: Tensor = F.adaptive_avg_pool2d(edges.float()[:, None], SIDE)
    maps = maps / (maps.flatten(1).norm(dim=1) + SMALLEST)[:, None, None, None]
    return (maps - maps.flip(3)).flatten(1)


def mirrored(maps: Tensor, chosen: Bool[Tensor, "b"]) -> Tensor:
    """The maps, those that are chosen mirrored left to right."""
    return torch.where(chosen[:, None, None, None], maps.flip(3), maps)
