"""Measures the colours of a bird's parts on any image, by analysis through synthesis.

A bird of one geometry and free colours is a linear model of an image: each label's coverage times a colour.
For every geometry of the painter, least squares gives the best colours and their residual; the geometry
with the smallest residual is taken, and each part's colour is the median of its pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from .attributes import BEAKS, FACINGS, PARTS, SIZES, TILTS, Geometry
from .painter import Label, Painter
from .palette import COLOURS, PALETTE

MAX_SIZE = 64
"""Images with more pixels a side are resized to this first."""
INSIDE_COVERAGE = 0.95
"""A pixel is inside a part if the part covers at least this share of it."""


class PartMeasure:
    """Finds the geometry and the part colours of birds on square images of one size.

    Args:
        size: Side of the images in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = min(size, MAX_SIZE)
        painter = Painter(self.size)
        self.geometries = [
            Geometry(facing, tilt, extent, beak)
            for facing, tilt, extent, beak in product(FACINGS, TILTS, SIZES, BEAKS)
        ]
        self._bases = [_basis(painter, geometry) for geometry in self.geometries]
        self._inside = [
            torch.from_numpy(np.stack([_inside(mask) for mask in painter.parts(geometry).values()]))
            for geometry in self.geometries
        ]

    def geometry(self, images: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b"]:
        """The geometry that explains each image best, as an index of `geometries`."""
        flat = self._resized(images).flatten(2)
        explained = [(flat @ basis).square().sum(dim=(1, 2)) for basis in self._bases]
        return torch.stack(explained).argmax(dim=0)

    def colours(self, images: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b parts"]:
        """The palette colour, as an index of `COLOURS`, of each of `PARTS` on images in [-1, 1]."""
        measured = torch.zeros(len(images), len(PARTS), 3)
        for chosen, part, pixels in self._pixels(images):
            measured[chosen, part] = pixels.median(dim=2).values
        return _distances(measured).argmin(dim=-1)

    def shares(self, images: Float[Tensor, "b 3 h w"], *, spread: float) -> Float[Tensor, "b parts colours"]:
        """How much of each part has each colour of `COLOURS`; the shares of a part sum to one.

        A pixel is divided among the colours as a Gaussian of standard deviation `spread` around each says,
        in Oklab, where black and white are 1 apart.
        """
        measured = torch.zeros(len(images), len(PARTS), len(COLOURS))
        for chosen, part, pixels in self._pixels(images):
            distances = _distances(pixels.transpose(1, 2))
            divided = torch.softmax(-distances.square() / (2 * spread**2), dim=-1)
            measured[chosen, part] = divided.mean(dim=1)
        return measured

    def _pixels(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> Iterator[tuple[Bool[Tensor, "b"], int, Float[Tensor, "n 3 inside"]]]:
        """For each geometry and part: which images have the geometry, the part, its pixels on these."""
        flat = self._resized(images).flatten(2)
        geometry = self.geometry(images)
        for number in sorted(set(geometry.tolist())):
            chosen = geometry == number
            for part, inside in enumerate(self._inside[number]):
                yield chosen, part, flat[chosen][:, :, inside]

    def _resized(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 side side"]:
        images = images.detach().float().cpu()
        if images.shape[-1] == self.size:
            return images
        sides = (self.size, self.size)
        resized: Tensor = functional.interpolate(images, size=sides, mode="bilinear", antialias=True)
        return resized


@lru_cache(maxsize=8)
def part_measure(size: int) -> PartMeasure:
    """The measure for images of one size, shared by all metrics: making one renders every geometry."""
    return PartMeasure(size)


def _basis(painter: Painter, geometry: Geometry) -> Float[Tensor, "pixels labels"]:
    """An orthonormal basis of all images of the geometry, over all colours."""
    covers = [painter.coverage(geometry, label).reshape(-1) for label in Label]
    shown = torch.from_numpy(np.stack([cover for cover in covers if cover.any()], axis=1))
    left, strength, _ = torch.linalg.svd(shown, full_matrices=False)
    basis: Tensor = left[:, strength > 1e-4 * strength[0]]
    return basis


def _inside(mask: np.ndarray) -> np.ndarray:
    """The pixels inside a part; on tiny images without any, the best covered ones."""
    inside: np.ndarray = (mask >= min(INSIDE_COVERAGE, 0.9 * float(mask.max()))).reshape(-1)
    return inside


def _distances(colours: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b colours"]:
    """How far colours in [-1, 1] are from each of `COLOURS`, in Oklab."""
    palette = torch.tensor([PALETTE[colour] for colour in COLOURS]) / 127.5 - 1
    return torch.cdist(_perceptual(colours), _perceptual(palette)[None])


def _perceptual(colours: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    """sRGB in [-1, 1] to Oklab (Ottosson 2020), where distances are close to perceived ones."""
    srgb = ((colours + 1) / 2).clamp(0, 1)
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    cones = torch.tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponents = torch.tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    perceptual: Tensor = (linear @ cones.T).clamp_min(0).pow(1 / 3) @ opponents.T
    return perceptual
