"""Images and attention maps as data URIs, so that the page needs no file beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from attnforge.data.images import BROKEN, opened_image
from attnforge.run.figure import FigureRow, region_row, stage_row
from attnforge.run.generated import GeneratedImage


class Maps(TypedDict):
    """The maps of one stage or of the matching, one below the other in a single grey image."""

    width: int
    height: int
    sprite: str
    """A data URI; word i has rows i * height to (i + 1) * height, divided by its own maximum."""
    strongest: list[float]
    """Each word's maximum over pixels, in [0, 1]."""
    share: list[float]
    """Each word's share of all weights. The shares sum to one."""
    even: float
    """An even share: a weight stands out where it is above this."""
    taken: float
    """What a weight that stands out is lessened by; see `attnforge.run.figure`."""
    mass: list[float]
    """How much of each word stands out, in [0, 1]."""
    top: list[int]
    """The words with the highest masses, the highest first."""


class Stage(TypedDict):
    """One stage of a drawing."""

    side: int
    image: str
    maps: Maps | None


class Drawn(TypedDict):
    """One drawing as the page shows it."""

    caption: str
    words: list[str]
    seed: int
    index: int
    stages: list[Stage]
    regions: Maps | None
    """The regions that the run's matching finds for each word in the image of the last stage."""


def drawn(drawing: GeneratedImage) -> Drawn:
    """A drawing with its images and maps as data URIs; the last stages are those that attend."""
    missing = len(drawing.images) - len(drawing.attention)
    maps: list[Maps | None] = [None] * missing
    for image, weights in zip(drawing.images[missing:], drawing.attention, strict=True):
        maps.append(_maps(weights, stage_row(image, weights), taken=0.0))
    regions = None
    if drawing.regions is not None:
        row = region_row(drawing.images[-1], drawing.regions)
        regions = _maps(drawing.regions, row, taken=row.even)
    stages = [
        Stage(side=image.shape[1], image=image_uri(Image.fromarray(image)), maps=its)
        for image, its in zip(drawing.images, maps, strict=True)
    ]
    return Drawn(
        caption=drawing.caption,
        words=list(drawing.words),
        seed=drawing.seed,
        index=drawing.index,
        stages=stages,
        regions=regions,
    )


def image_uri(image: Image.Image) -> str:
    """An image as a lossless PNG data URI."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def thumbnail_uri(path: Path, *, side: int) -> str | None:
    """An image file, made smaller where its larger side exceeds `side`; None where it cannot be read."""
    try:
        with opened_image(path) as image:
            small = image.convert("RGB")
    except BROKEN:
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image_uri(small)


def _maps(weights: Float[np.ndarray, "l h w"], row: FigureRow, *, taken: float) -> Maps:
    finite = np.nan_to_num(np.asarray(weights, dtype=np.float32))
    words, height, width = finite.shape
    strongest = finite.max(axis=(1, 2), initial=0.0)
    scaled = finite / np.where(strongest > 0, strongest, 1)[:, None, None]
    sprite: UInt8[np.ndarray, "_ w"] = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    sums = finite.sum(axis=(1, 2))
    return Maps(
        width=width,
        height=height,
        sprite=image_uri(Image.fromarray(sprite.reshape(words * height, width))) if words else "",
        strongest=_rounded(strongest),
        share=_rounded(sums / (sums.sum() or 1)),
        even=_rounded(np.array([row.even]))[0],
        taken=_rounded(np.array([taken]))[0],
        mass=_rounded(row.masses),
        top=row.strongest(),
    )


def _rounded(values: Float[np.ndarray, "l"]) -> list[float]:
    numbers: Sequence[float] = values.astype(float).tolist()
    return [float(f"{number:.6g}") for number in numbers]
