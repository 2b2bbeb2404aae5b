"""Pictures and attention maps as data URIs, so that the page needs no file beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from attnforge.run.drawing import Drawing


class Maps(TypedDict):
    """The attention maps of one stage, one below the other in a single grey picture."""

    width: int
    height: int
    sprite: str
    """A data URI; word i has rows i * height to (i + 1) * height, divided by its own maximum."""
    strongest: list[float]
    """Each word's maximum over pixels, in [0, 1]."""
    share: list[float]
    """Each word's mean over pixels: its share of all attention. The shares sum to one."""


class Stage(TypedDict):
    """One stage of a drawing."""

    side: int
    picture: str
    maps: Maps | None


class Drawn(TypedDict):
    """One drawing as the page shows it."""

    caption: str
    words: list[str]
    seed: int
    index: int
    stages: list[Stage]


def drawn(drawing: Drawing) -> Drawn:
    """A drawing with its pictures and maps as data URIs; the last stages are those that attend."""
    missing = len(drawing.images) - len(drawing.attention)
    maps = [None] * missing + [_maps(weights) for weights in drawing.attention]
    stages = [
        Stage(side=image.shape[1], picture=picture_uri(Image.fromarray(image)), maps=its)
        for image, its in zip(drawing.images, maps, strict=True)
    ]
    return Drawn(
        caption=drawing.caption,
        words=list(drawing.words),
        seed=drawing.seed,
        index=drawing.index,
        stages=stages,
    )


def picture_uri(picture: Image.Image) -> str:
    """A picture as a lossless PNG data URI."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def thumbnail_uri(path: Path, *, side: int) -> str | None:
    """A picture file, made smaller where its larger side exceeds `side`; None where it cannot be read."""
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture_uri(small)


def _maps(weights: Float[np.ndarray, "l h w"]) -> Maps:
    finite = np.nan_to_num(np.asarray(weights, dtype=np.float32))
    words, height, width = finite.shape
    strongest = finite.max(axis=(1, 2), initial=0.0)
    scaled = finite / np.where(strongest > 0, strongest, 1)[:, None, None]
    sprite: UInt8[np.ndarray, "_ w"] = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    return Maps(
        width=width,
        height=height,
        sprite=picture_uri(Image.fromarray(sprite.reshape(words * height, width))) if words else "",
        strongest=_rounded(strongest),
        share=_rounded(finite.mean(axis=(1, 2))) if words else [],
    )


def _rounded(values: Float[np.ndarray, "l"]) -> list[float]:
    numbers: Sequence[float] = values.astype(float).tolist()
    return [round(number, 4) for number in numbers]
