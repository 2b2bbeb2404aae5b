"""The metric `attribute-score`: an inception score whose classifier is the renderer's palette."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.interfaces import Extractor
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .measuring import part_measure
from .palette import COLOURS

SPREAD = 0.05
"""Standard deviation in Oklab of what counts as a colour; red and brown, the nearest two, are 0.17 apart."""
SPLITS = 10
ROW = "colour shares of sketch birds"


class AttributeScore:
    """How pure the colours of birds' parts are, and how varied: the inception score, with known classes.

    For each part, p(y|x) is the share of its pixels in each colour of the palette, on the geometry that
    `PartMeasure` finds, and p(y) the mean over the images. The score is exp of the mean of KL(p(y|x) || p(y))
    over images and parts: at least 1, for images that all look alike or have no colour of the palette, and at
    most 8, the number of colours; 500 images of the test split, 64 x 64, reach 7.3. Captions are ignored. As
    in the inception score, the images are divided into 10 splits, whose mean and deviation it reports; with
    fewer than 80 images they are a single split, and with fewer than 10 the score is withheld with the
    reason.
    """

    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec) -> None:
        """Needs nothing of the spec."""

    def extractors(self) -> dict[str, Extractor]:
        """The share of each part in each colour."""
        return {ROW: self._shares}

    def compute(
        self, rows: Mapping[str, Float[Tensor, "n parts colours"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """The score, with its deviation over splits if there are several."""
        shares = rows[ROW].double()
        if reason := too_few(len(shares)):
            return {"attribute score withheld": reason}
        splits = SPLITS if len(shares) >= SPLITS * len(COLOURS) else 1
        name = f"attribute score ({len(COLOURS)} colours, {splits} split{'s' if splits > 1 else ''})"
        scores = torch.stack([_score(part) for part in shares.tensor_split(splits)])
        if splits == 1:
            return {name: float(scores[0])}
        return {name: float(scores.mean()), f"{name} deviation": float(scores.std(correction=0))}

    def _shares(
        self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]
    ) -> Float[Tensor, "b parts colours"]:
        return part_measure(images.shape[-1]).shares(images, spread=SPREAD)


def _score(shares: Float[Tensor, "n parts colours"]) -> Float[Tensor, ""]:
    marginal = shares.mean(dim=0, keepdim=True)
    # a colour without any share contributes 0, though its logarithm is infinite
    terms = torch.where(shares > 0, shares * (shares / marginal).log(), torch.zeros_like(shares))
    return terms.sum(dim=-1).mean().exp()
