"""Embeds images and attention maps as data URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from attnforge.data.images.opening import BROKEN, opened_image
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.figure import FigureRow, region_row, stage_row


class Maps(TypedDict):
    """The maps of one stage or of the matching, stacked in a single grey image."""

    width: int
    height: int
    sprite: str
    """A data URI; word i has rows i * height to (i + 1) * height, divided by its own maximum."""
    peak: list[float]
    """Each word's maximum over pixels, in [0, 1]."""
    share: list[float]
    """Each word's share of all weights. The shares sum to one."""
    uniform: float
    """The uniform share, above which weights are kept."""
    offset: float
    """Subtracted from the weights that are kept; see `attnforge.sheets.figure`."""
    contrast: list[float]
    """How far each word's map is from an even one, in [0, 1]; see `attnforge.sheets.figure`."""
    top: list[int]
    """The words with the highest contrasts, the highest first."""


class Stage(TypedDict):
    """One stage of a sample."""

    side: int
    image: str
    maps: Maps | None


class Sample(TypedDict):
    """One generated image as the page shows it."""

    caption: str
    words: list[str]
    seed: int
    index: int
    stages: list[Stage]
    regions: Maps | None
    """The attention of each word over regions of the last stage's image, by the run's matching."""


def embed(generated: GeneratedImage) -> Sample:
    """A generated image with its maps as data URIs."""
    regions = None
    if generated.regions is not None:
        row = region_row(generated.images[-1], generated.regions)
        regions = _maps(generated.regions, row, offset=row.uniform)
    stages = [
        Stage(
            side=image.shape[1],
            image=image_uri(Image.fromarray(image)),
            maps=None if weights is None else _maps(weights, stage_row(image, weights), offset=0.0),
        )
        for image, weights in generated.stages
    ]
    return Sample(
        caption=generated.caption,
        words=list(generated.words),
        seed=generated.seed,
        index=generated.index,
        stages=stages,
        regions=regions,
    )


JPEG_QUALITY = 92


def image_uri(image: Image.Image, *, lossless: bool = True) -> str:
    """An image as a data URI: a PNG, or a JPEG a third of its size, for images of which there are many."""
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, format="PNG", optimize=True)
    else:
        image.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    kind = "png" if lossless else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def thumbnail_uri(path: Path, *, side: int) -> str | None:
    """An image file, reduced if its larger side exceeds `side`; None if it cannot be read."""
    try:
        with opened_image(path) as image:
            small = image.convert("RGB")
    except BROKEN:
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image_uri(small)


def _maps(weights: Float[np.ndarray, "l h w"], row: FigureRow, *, offset: float) -> Maps:
    finite = np.nan_to_num(np.asarray(weights, dtype=np.float32))
    words, height, width = finite.shape
    peak = finite.max(axis=(1, 2), initial=0.0)
    scaled = finite / np.where(peak > 0, peak, 1)[:, None, None]
    sprite: UInt8[np.ndarray, "_ w"] = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    sums = finite.sum(axis=(1, 2))
    return Maps(
        width=width,
        height=height,
        sprite=image_uri(Image.fromarray(sprite.reshape(words * height, width))) if words else "",
        peak=_rounded(peak),
        share=_rounded(sums / (sums.sum() or 1)),
        uniform=_rounded(np.array([row.uniform]))[0],
        offset=_rounded(np.array([offset]))[0],
        contrast=_rounded(row.contrasts),
        top=row.strongest(),
    )


def _rounded(values: Float[np.ndarray, "l"]) -> list[float]:
    numbers: Sequence[float] = values.astype(float).tolist()
    return [float(f"{number:.6g}") for number in numbers]
