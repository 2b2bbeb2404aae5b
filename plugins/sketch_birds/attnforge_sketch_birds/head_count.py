"""The metric `head-count`: how many generated birds have no head, or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.interfaces import Extractor
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .heads import SIZE, HeadFinder

ROW = "heads of sketch birds"


class HeadCount:
    """Share of generated images whose number of heads is not one, and of those with none and with several.

    AttnGAN's authors show birds with several heads as failures (Xu et al., 2018, Figure 7). A head is a place
    that looks like the eye and the beak of a rendered bird; matching places next to one another are one head.
    Images without a bird, or with a blurred head, count as having none. Captions are not read. Images of less
    than 64 pixels a side show too little of an eye: the metric is withheld with the reason, as it is with
    fewer than 10 images.
    """

    better: ClassVar[Better] = "lower"

    def __init__(self, spec: MetricSpec) -> None:
        self._finder = HeadFinder()

    def extractors(self) -> dict[str, Extractor]:
        """Heads and side in pixels of each image; of a small one, no heads are counted."""
        return {ROW: self._heads}

    def compute(
        self, rows: Mapping[str, Int[Tensor, "n 2"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """Shares in [0, 1]."""
        counts, sides = rows[ROW].unbind(dim=1)
        if small := sides[sides < SIZE].tolist():
            too_small = f"images of {small[0]} pixels are too small; at least {SIZE} are needed"
            return {"not one head withheld": too_small}
        if reason := too_few(len(counts), what="images"):
            return {"not one head withheld": reason}
        return {
            "not one head": _share(counts != 1),
            "no head": _share(counts == 0),
            "several heads": _share(counts > 1),
        }

    def per_image(
        self, rows: Mapping[str, Int[Tensor, "n 2"]], captions: Sequence[str]
    ) -> dict[str, Float[Tensor, "n 2"]]:
        """Whether each image has another number of heads than one."""
        other = (rows[ROW][:, 0] != 1).double()
        return {"not one head": torch.stack((other, torch.ones_like(other)), dim=1)}

    def _heads(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> Int[Tensor, "b 2"]:
        side = images.shape[-1]
        counts = self._finder.count(images) if side >= SIZE else torch.zeros(len(images), dtype=torch.long)
        return torch.stack((counts.cpu(), torch.full((len(images),), side)), dim=1)


def _share(chosen: Tensor) -> float:
    return int(chosen.sum()) / len(chosen)
