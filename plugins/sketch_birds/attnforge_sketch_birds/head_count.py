"""The metric `head-count`: how many generated birds have no head, or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .heads import SIZE, HeadFinder


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
        self._counts: list[Int[Tensor, "b"]] = []
        self._small = 0

    def update(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> None:
        """Add square images in [-1, 1]."""
        if images.shape[-1] < SIZE:
            self._small = images.shape[-1]
        else:
            self._counts.append(self._finder.count(images))

    def compute(self) -> dict[str, float | str]:
        """Shares in [0, 1]."""
        if self._small:
            small = f"images of {self._small} pixels are too small; at least {SIZE} are needed"
            return {"not one head withheld": small}
        counts = torch.cat([torch.empty(0, dtype=torch.long), *self._counts])
        if reason := too_few(len(counts), what="images"):
            return {"not one head withheld": reason}
        return {
            "not one head": _share(counts != 1),
            "no head": _share(counts == 0),
            "several heads": _share(counts > 1),
        }


def _share(chosen: Tensor) -> float:
    return int(chosen.sum()) / len(chosen)
