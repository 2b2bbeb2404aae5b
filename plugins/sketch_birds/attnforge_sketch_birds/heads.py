"""Finds the heads of sketched birds on any image, by the marks whose colours every head shares.

Body and crown have any colour, but each head has an eye, white and black, and an orange beak beside it. For
every geometry of the painter, a template of these marks is compared with the image at every position.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .attributes import BEAKS, FACINGS, SIZES, TILTS, Geometry
from .painter import Label, Painter
from .palette import BEAK, EYE_RING, PUPIL, Rgb, darker

SIZE = 64
"""Side in pixels of the images that are compared; larger ones are resized to it first."""
PERIOD = 2 * SIZE
"""Period of the transform that compares a template at all positions at once."""
MATCH = 0.4
"""Share of the variance of a head's marks that an image must explain at a position to have a head there."""
RADIUS = 3
"""Pixels around a head within which another match is the same head."""

_MARKS: dict[Label, Rgb] = {
    Label.BEAK: BEAK,
    Label.BEAK_EDGE: darker(BEAK),
    Label.EYE_RING: EYE_RING,
    Label.PUPIL: PUPIL,
}


class HeadFinder:
    """Counts the heads on square images of at least `SIZE` pixels a side."""

    def __init__(self) -> None:
        painter = Painter(SIZE)
        geometries = (Geometry(*values) for values in product(FACINGS, TILTS, SIZES, BEAKS))
        templates = [_Template.of(painter, geometry) for geometry in geometries]
        kernels = [template.kernel() for template in templates]
        self._kernels = torch.fft.rfft2(torch.stack(kernels), s=(PERIOD, PERIOD)).conj()
        self._constants = torch.stack([template.constant() for template in templates])[:, None, None]
        self._variances = torch.stack([template.variance() for template in templates])[:, None, None]
        page = torch.fft.rfft2(torch.ones(1, SIZE, SIZE), s=(PERIOD, PERIOD))
        covered = torch.fft.irfft2(page * self._kernels[:, 3], s=(PERIOD, PERIOD))[:, :SIZE, :SIZE]
        # beyond the border there is no image to match
        self._inside = covered > 0.9

    def count(self, images: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b"]:
        """The number of heads on each image in [-1, 1]: of separate groups of positions that match."""
        matches = self.match(images) >= MATCH
        return torch.tensor([len(components(rows)) for rows in matches])

    def match(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b _ _"]:
        """How well the best template matches with its eye at each pixel of `SIZE` x `SIZE`; at most 1."""
        images = images.detach().float().cpu()
        if images.shape[-1] != SIZE:
            images = F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", antialias=True)
        return torch.stack([self._match(image) for image in images])

    def _match(self, image: Float[Tensor, "3 h w"]) -> Float[Tensor, "h w"]:
        """One minus the squared error, as a share of the variance of the marks; the best of all templates."""
        channels = torch.cat((image, image.square().sum(dim=0, keepdim=True)))
        spectrum = torch.fft.rfft2(channels, s=(PERIOD, PERIOD))
        products = torch.fft.irfft2((spectrum * self._kernels).sum(dim=1), s=(PERIOD, PERIOD))
        error = products[:, :SIZE, :SIZE] + self._constants
        best: Tensor = (1 - error / self._variances).where(self._inside, -torch.inf).amax(dim=0)
        return best


@dataclass(frozen=True, slots=True)
class _Template:
    """The marks of one geometry's head, on a page whose origin is the eye and whose borders are joined."""

    weights: Float[Tensor, "h w"]
    """How much each pixel counts; they sum to one."""
    marks: Float[Tensor, "3 h w"]
    """Their colours."""

    @classmethod
    def of(cls, painter: Painter, geometry: Geometry) -> _Template:
        covers = torch.from_numpy(np.stack([painter.coverage(geometry, label) for label in _MARKS]))
        pupil = torch.nonzero(covers[list(_MARKS).index(Label.PUPIL)]).float().mean(dim=0).round()
        colours = torch.tensor(list(_MARKS.values())) / 127.5 - 1
        cover = covers.sum(dim=0)
        marks = torch.einsum("mhw,mc->chw", covers, colours) / cover.clamp_min(1e-6)
        # pixels that other labels share count less, as their colour is known only in part
        weights = cover**2 / (cover**2).sum()
        row, column = -int(pupil[0]), -int(pupil[1])
        margin = PERIOD - SIZE
        weights, marks = F.pad(weights, (0, margin, 0, margin)), F.pad(marks, (0, margin, 0, margin))
        return cls(weights.roll((row, column), (0, 1)), marks.roll((row, column), (1, 2)))

    def kernel(self) -> Float[Tensor, "4 h w"]:
        """What an image and its squares are correlated with, for the squared error without `constant`."""
        return torch.cat((-2 * self.weights * self.marks, self.weights[None]))

    def constant(self) -> Float[Tensor, ""]:
        """The squared error of a grey image, which is 0 in every channel."""
        return (self.weights * self.marks.square()).sum()

    def variance(self) -> Float[Tensor, ""]:
        """The squared error of the mean colour of the marks."""
        mean = (self.weights * self.marks).sum(dim=(1, 2), keepdim=True)
        return (self.weights * (self.marks - mean).square()).sum()


def components(matches: Bool[Tensor, "h w"]) -> list[list[tuple[int, int]]]:
    """The groups of true pixels, of which each is within `RADIUS` of another of its group."""
    waiting = {(int(row), int(column)) for row, column in torch.nonzero(matches)}
    groups = []
    while waiting:
        group = [waiting.pop()]
        for row, column in group:
            near = {
                (other_row, other_column)
                for other_row, other_column in waiting
                if max(abs(other_row - row), abs(other_column - column)) <= RADIUS
            }
            waiting -= near
            group += near
        groups.append(group)
    return groups
