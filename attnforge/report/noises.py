"""Images of the fixed captions with other noise, beside the real image and the nearest training image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import TypedDict

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from torch import Tensor

from attnforge.errors import AttnforgeError
from attnforge.interfaces import Dataset
from attnforge.report.history import evenly_spaced
from attnforge.report.images import image_uri
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.samples import SampledCaptions

NOISES = 8
SIDE = 96
"""Side of the thumbnails in pixels."""
TRAINING_IMAGES = 1_000
"""Training images at most among which the nearest is searched."""
COMPARED_SIDE = 16
"""Side in pixels at which images are compared: coarse shapes and colours, not edges."""


class NoiseRow(TypedDict):
    """One caption."""

    caption: str
    real: str | None
    """The test image that the caption is of; None for captions of the recipe."""
    images: list[str]
    """One image for each noise, in order."""
    nearest: str | None
    """The training image nearest to the first of them; None without training data."""


class Noises(TypedDict):
    """All captions, and how different their images are."""

    rows: list[NoiseRow]
    within: float
    """Mean difference of pixels between two images of a caption, in grey levels of 255."""
    between: float | None
    """The same of two captions with the same noise; None for a single caption."""
    training_images: int
    """Training images that were compared; 0 without training data."""


def other_noises(pipeline: Pipeline, chosen: SampledCaptions) -> Noises | None:
    """Generate the captions with several noises; None where a sampler searches, which takes too long.

    Args:
        pipeline: The run.
        chosen: Its fixed captions.

    Raises:
        AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing.
    """
    if pipeline.generate(chosen.captions[:1], extras=_first(chosen))[0].steps:
        return None
    samples = pipeline.generate(
        chosen.captions, count=NOISES, seed=pipeline.recipe.samples.seed, extras=chosen.extras
    )
    images = [sample.images[-1] for sample in samples]
    groups = [images[start : start + NOISES] for start in range(0, len(images), NOISES)]
    first = [group[0] for group in groups]
    real = _real_images(pipeline, chosen)
    nearest, count = _nearest(pipeline, first)
    rows = [
        NoiseRow(
            caption=caption,
            real=real[number] if real else None,
            images=[_thumbnail(image) for image in group],
            nearest=nearest[number] if nearest else None,
        )
        for number, (caption, group) in enumerate(zip(chosen.captions, groups, strict=True))
    ]
    return Noises(
        rows=rows,
        within=round(fmean(_difference(group) for group in groups), 2),
        between=round(_difference(first), 2) if len(first) > 1 else None,
        training_images=count,
    )


def _first(chosen: SampledCaptions) -> dict[str, Tensor]:
    return {name: values[:1] for name, values in chosen.extras.items()}


def _real_images(pipeline: Pipeline, chosen: SampledCaptions) -> list[str]:
    """The test images of the captions; empty where there are none."""
    if not chosen.images:
        return []
    data = pipeline.parts.dataset("test")
    return [_thumbnail(_pixels(data, index)) for index in chosen.images]


def _nearest(pipeline: Pipeline, images: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> tuple[list[str], int]:
    """The nearest training image of each, and of how many; none without training data."""
    try:
        data = pipeline.parts.dataset("train")
        indices = evenly_spaced(range(len(data)), TRAINING_IMAGES)
        training = np.stack([_coarse(_pixels(data, index)) for index in indices])
    except AttnforgeError:
        return [], 0
    best = [int(((training - _coarse(image)) ** 2).sum(axis=1).argmin()) for image in images]
    return [_thumbnail(_pixels(data, indices[number])) for number in best], len(indices)


def _difference(images: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> float:
    """The mean absolute difference of pixels over all pairs."""
    pairs = combinations([image.astype(np.float32) for image in images], 2)
    return fmean(float(np.abs(one - other).mean()) for one, other in pairs)


def _pixels(data: Dataset, index: int) -> UInt8[np.ndarray, "_ _ 3"]:
    pixels: UInt8[np.ndarray, "_ _ 3"] = data.sample(index, seed=0).image.permute(1, 2, 0).numpy()
    return pixels


def _coarse(image: UInt8[np.ndarray, "_ _ 3"]) -> Float32[np.ndarray, "_"]:
    reduced = Image.fromarray(image).resize((COMPARED_SIDE, COMPARED_SIDE), Image.Resampling.BOX)
    return np.asarray(reduced, dtype=np.float32).reshape(-1)


def _thumbnail(image: UInt8[np.ndarray, "_ _ 3"]) -> str:
    small = Image.fromarray(image)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return image_uri(small, lossless=False)
