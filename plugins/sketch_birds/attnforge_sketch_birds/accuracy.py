"""The figure `attribute-accuracy`: does the bird have the colours that its caption asks for?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.specs import MetricSpec

from .asking import asked_colours
from .attributes import PARTS
from .measuring import PartMeasure
from .palette import COLOURS


class AttributeAccuracy:
    """Share of the part colours asked for by captions that are found on the generated images.

    A caption's colours are read by its grammar, the image's are measured by `PartMeasure`. Chance is
    what the same images would reach with captions dealt out anew: for each part, the sum over colours of
    the share asked for times the share found. Parts of one image are right and wrong together, so an image
    counts once: fewer than 10 whose captions ask for a colour, of all parts or of one, give the reason and no
    share.
    """

    def __init__(self, spec: MetricSpec) -> None:
        self.spec = spec
        self._measures: dict[int, PartMeasure] = {}
        self._asked: list[Int[Tensor, "b parts"]] = []
        self._found: list[Int[Tensor, "b parts"]] = []

    def update(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> None:
        """Take in square images in [-1, 1] that were generated for these captions."""
        size = images.shape[-1]
        if size not in self._measures:
            self._measures[size] = PartMeasure(size)
        asked = [asked_colours(caption) for caption in captions]
        rows = [[COLOURS.index(a[part]) if part in a else -1 for part in PARTS] for a in asked]
        self._asked.append(torch.tensor(rows, dtype=torch.long))
        self._found.append(self._measures[size].colours(images))

    def compute(self) -> dict[str, float | str]:
        """Shares in [0, 1]: over all parts, by chance, and for each part that captions ask for."""
        nothing = torch.empty(0, len(PARTS), dtype=torch.long)
        asked, found = torch.cat([nothing, *self._asked]), torch.cat([nothing, *self._found])
        named = asked >= 0
        if reason := too_few(int(named.any(dim=1).sum()), what="images whose captions ask for colours"):
            return {"attribute accuracy withheld": reason}
        right = (asked == found) & named
        metrics: dict[str, float | str] = {
            "attribute accuracy": _share(right, named),
            "attribute accuracy chance": 0.0,
        }
        by_chance = 0.0
        for number, part in enumerate(PARTS):
            if not named[:, number].any():
                continue
            asking = f"images whose captions ask for the {part}'s colour"
            if reason := too_few(int(named[:, number].sum()), what=asking):
                metrics[f"attribute accuracy {part} withheld"] = reason
            else:
                metrics[f"attribute accuracy {part}"] = _share(right[:, number], named[:, number])
            wanted = _frequencies(asked[named[:, number], number])
            by_chance += float(wanted @ _frequencies(found[:, number])) * int(named[:, number].sum())
        metrics["attribute accuracy chance"] = by_chance / int(named.sum())
        return metrics


def _share(right: Tensor, named: Tensor) -> float:
    return int(right.sum()) / int(named.sum())


def _frequencies(colours: Int[Tensor, "n"]) -> Float[Tensor, "colours"]:
    return torch.bincount(colours, minlength=len(COLOURS)).double() / len(colours)
