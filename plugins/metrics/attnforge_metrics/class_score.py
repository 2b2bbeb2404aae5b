"""The inception score: how distinct and varied a classifier finds generated images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge.evaluate.least import too_few
from attnforge.interfaces import Build, Extractor, FeatureNetwork
from attnforge.optional import Better
from attnforge.ranges import Count, Positive, Sharpness
from attnforge.specs import MetricSpec

from .order import seeded_order


class ClassScore:
    """exp of the mean divergence KL(p(y|x) || p(y)) of a network's classes (Salimans et al., 2016).

    The images are shuffled by their captions and divided evenly into `splits`; the value is the mean of their
    scores, its deviation the population's. Scores of different classifiers, splits or temperatures cannot be
    compared, so the value's name includes all three, and it is an inception score by name only if the network
    is an Inception. AttnGAN's birds were classified by a network fine-tuned on CUB, its COCO images by one of
    2015 with 1,008 classes.

    The score of n images is at most n, whatever they show, and too low for any n: for k classes that are
    equally frequent and classified with certainty, by 43% at n = k, by 25% at n = 2k and by 5% at n = 10k.
    If a split would have fewer images than there are classes, all images are therefore one split; if there
    are fewer images than classes in total, the score is withheld with the reason.

    Args:
        network: The classifier.
        background: Whether the first class is a background that no image shows and is dropped before the
            softmax, as in the network fine-tuned on CUB.
        splits: Number of splits of the images.
        temperature: Divides the logits; 1 is the score of the papers, another value the calibrated score IS*
            (Dinh et al., 2022), for CUB 0.598 and for COCO 0.909.
        seed: Seed of the assignment of images to splits.

    Raises:
        RecipeError: The network does not classify.
    """

    better: ClassVar[Better] = "higher"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        network: Build[FeatureNetwork],
        background: bool = False,
        splits: Positive = 10,
        temperature: Sharpness = 1.0,
        seed: Count = 1,
    ) -> None:
        self.shared = spec.features(network)
        self.classes = self.shared.network.classes - background
        if self.classes < 2:
            message = f"the feature network `{self.shared.network.name}` does not tell classes apart"
            raise RecipeError(
                Problem("no-classes", message, expected="a feature network with several classes")
            )
        self.background = background
        self.splits = splits
        self.temperature = temperature
        self.seed = seed

    def extractors(self) -> dict[str, Extractor]:
        """The logits."""
        return self.shared.extractors(logits=True)

    def compute(
        self, rows: Mapping[str, Float[Tensor, "n k"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """The score and its deviation; without the latter if the images are too few for several splits."""
        logits = rows[self.shared.logits_row][:, int(self.background) :].double() / self.temperature
        if reason := too_few(len(logits), minimum=self.classes, what="images, one for each class,"):
            return {f"{self.name(1)} withheld": reason}
        logits = logits[torch.tensor(seeded_order(captions, seed=self.seed))]
        if len(logits) < self.splits * self.classes:
            return {self.name(1): float(scores(logits, splits=1)[0])}
        each, name = scores(logits, splits=self.splits), self.name(self.splits)
        return {name: float(each.mean()), f"{name} deviation": float(each.std(correction=0))}

    def name(self, splits: int) -> str:
        """The value's name, with everything that must agree for two scores to be comparable."""
        protocol = [
            self.shared.label,
            f"{self.classes} classes",
            f"{splits} split{'s' if splits > 1 else ''}",
        ]
        if self.temperature != 1:
            protocol.append(f"temperature {self.temperature:g}")
        kind = "inception score" if self.shared.network.name.startswith("inception") else "class score"
        return f"{kind}{'*' if self.temperature != 1 else ''} ({', '.join(protocol)})"


def scores(logits: Float[Tensor, "n k"], *, splits: int) -> Float[Tensor, "splits"]:
    """The score of each of several consecutive splits of the images."""
    count = len(logits)
    results = []
    for split in range(splits):
        part = logits[split * count // splits : (split + 1) * count // splits]
        log_conditional = F.log_softmax(part, dim=1)
        conditional = log_conditional.exp()
        log_marginal = conditional.mean(dim=0).log()
        # a class of probability 0 contributes 0, though its logarithm is infinite
        divergence = conditional * (log_conditional - log_marginal)
        terms = torch.where(conditional > 0, divergence, torch.zeros_like(conditional))
        results.append(terms.sum(dim=1).mean().exp())
    return torch.stack(results)
