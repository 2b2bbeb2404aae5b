"""The metric `attribute-accuracy`: how many part colours of its caption a generated bird has."""

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

from .asking import requested_colours
from .attributes import PARTS
from .measuring import part_measure
from .palette import COLOURS

ROW = "part colours of sketch birds"


class AttributeAccuracy:
    """Share of the part colours requested by captions that the generated images have.

    A caption's colours are parsed by its grammar, the image's are measured by `PartMeasure`. Chance is the
    expected accuracy of the same images with shuffled captions: for each part, the sum over colours of the
    share requested times the share measured. The parts of an image are correlated, so an image counts once:
    with fewer than 10 images whose captions request a colour, of any part or of one, the accuracy is withheld
    with the reason.

    In the words of Soft-TIFA (GenEval 2, 2026), each requested colour is an atom, here right or wrong with
    certainty: the accuracy is the arithmetic mean over atoms, and that of whole captions the mean over
    captions of the geometric mean of their atoms, which is 1 where all are right and else 0.
    """

    needs_captions: ClassVar[bool] = True

    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec) -> None:
        """Needs nothing of the spec."""

    def extractors(self) -> dict[str, Extractor]:
        """The colours of parts as numbers in the palette: requested, where -1 is none, and measured."""
        return {ROW: self._colours}

    def compute(
        self, rows: Mapping[str, Int[Tensor, "n 2 parts"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """Shares in [0, 1]: over all parts, by chance, and for each part that captions request."""
        requested, measured = rows[ROW].unbind(dim=1)
        named = requested >= 0
        if reason := too_few(int(named.any(dim=1).sum()), what="images whose captions name a colour"):
            return {"attribute accuracy withheld": reason}
        correct = (requested == measured) & named
        metrics: dict[str, float | str] = {
            "attribute accuracy": _share(correct, named),
            "attribute accuracy chance": 0.0,
        }
        chance = 0.0
        for number, part in enumerate(PARTS):
            if not named[:, number].any():
                continue
            images = f"images whose captions name the {part}'s colour"
            if reason := too_few(int(named[:, number].sum()), what=images):
                metrics[f"attribute accuracy {part} withheld"] = reason
            else:
                metrics[f"attribute accuracy {part}"] = _share(correct[:, number], named[:, number])
            shares = _frequencies(requested[named[:, number], number])
            chance += float(shares @ _frequencies(measured[:, number])) * int(named[:, number].sum())
        metrics["attribute accuracy chance"] = chance / int(named.sum())
        whole = correct[named.any(dim=1)] == named[named.any(dim=1)]
        metrics["attribute accuracy whole caption"] = float(whole.all(dim=1).double().mean())
        return metrics

    def per_image(
        self, rows: Mapping[str, Int[Tensor, "n 2 parts"]], captions: Sequence[str]
    ) -> dict[str, Float[Tensor, "n 2"]]:
        """How many of its requested colours each image has, and how many are requested."""
        requested, measured = rows[ROW].unbind(dim=1)
        named = requested >= 0
        counts = ((requested == measured) & named, named)
        return {"attribute accuracy": torch.stack([count.sum(dim=1).double() for count in counts], dim=1)}

    def _colours(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> Int[Tensor, "b 2 parts"]:
        requested = [requested_colours(caption) for caption in captions]
        rows = [[COLOURS.index(row[part]) if part in row else -1 for part in PARTS] for row in requested]
        measured = part_measure(images.shape[-1]).colours(images).cpu()
        return torch.stack((torch.tensor(rows, dtype=torch.long), measured), dim=1)


def _share(correct: Tensor, named: Tensor) -> float:
    return int(correct.sum()) / int(named.sum())


def _frequencies(colours: Int[Tensor, "n"]) -> Float[Tensor, "colours"]:
    return torch.bincount(colours, minlength=len(COLOURS)).double() / len(colours)
