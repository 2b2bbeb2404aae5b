"""The inception score: how distinct and varied a classifier finds generated images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torchvision.models import inception_v3  # type: ignore[import-untyped]

from attnforge.errors import Problem, RecipeError
from attnforge.evaluate.least import too_few
from attnforge.optional import Better
from attnforge.ranges import Positive, Sharpness
from attnforge.seeds import derive_seed
from attnforge.specs import MetricSpec

from .image_inception import INPUT_SIZE
from .image_weights import load_weights, read_state


class InceptionScore:
    """exp of the mean divergence KL(p(y|x) || p(y)) of an Inception-v3's classes (Salimans et al., 2016).

    Images are rounded to 8 bits as in image files, resized to 299 x 299 and classified by torchvision's
    Inception-v3 with weights from a file. The images are shuffled and divided evenly into `splits`;
    the metric is the mean of their scores, its deviation the population's. Scores of different classifiers,
    splits or temperatures cannot be compared, so the metric's name includes all three. AttnGAN's birds were
    classified by a network fine-tuned on CUB, its COCO images by one of 2015 with 1,008 classes.

    The score of n images is at most n, whatever they show, and too low for any n: for k classes that are
    equally frequent and classified with certainty, by 43% at n = k, by 25% at n = 2k and by 5% at n = 10k.
    If a split would have fewer images than there are classes, all images are therefore one split; if there
    are fewer images than classes in total, the score is withheld with the reason.

    Args:
        weights: File with torchvision's weights of Inception-v3, `.pth` or `.safetensors`; its last layer may
            have any number of classes. Nothing is ever downloaded.
        background: Whether the first class is a background that no image shows and is dropped before the
            softmax, as in the network fine-tuned on CUB.
        splits: Number of splits of the images.
        temperature: Divides the logits; 1 is the score of the papers, another value the calibrated score IS*
            (Dinh et al., 2022), for CUB 0.598 and for COCO 0.909.
        seed: Seed of the assignment of images to splits.

    Raises:
        RecipeError: The file cannot be read or has the weights of another network.
    """

    better: ClassVar[Better] = "higher"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        weights: str,
        background: bool = False,
        splits: Positive = 10,
        temperature: Sharpness = 1.0,
        seed: int = 1,
    ) -> None:
        head = read_state(weights).get("fc.weight")
        if head is None or head.ndim != 2 or len(head) <= background + 1:
            message = f"{weights} has no last layer for several classes"
            expected = "a state dict of torchvision's Inception-v3 with `fc.weight`"
            raise RecipeError(Problem("other-weights", message, expected=expected))
        network = inception_v3(
            weights=None, aux_logits=False, transform_input=False, init_weights=False, num_classes=len(head)
        )
        load_weights(network, weights, ignore=("AuxLogits.",))
        self.network = network.requires_grad_(False).eval()
        self.background = background
        self.splits = splits
        self.temperature = temperature
        self.seed = seed
        self.classes = len(head) - background
        with Path(weights).open("rb") as stream:
            self.digest = hashlib.file_digest(stream, "sha256").hexdigest()[:8]
        self.logits: list[Float[Tensor, "b k"]] = []

    @torch.inference_mode()
    def update(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> None:
        self.network.to(images.device)
        stored = ((images.float() + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1
        size = (INPUT_SIZE, INPUT_SIZE)
        sized = F.interpolate(stored, size=size, mode="bilinear", antialias=True, align_corners=False)
        self.logits.append(self.network(sized)[:, int(self.background) :].double().cpu())

    def compute(self) -> dict[str, float | str]:
        """The score and its deviation; without the latter if the images are too few for several splits."""
        count = sum(map(len, self.logits))
        if reason := too_few(count, minimum=self.classes):
            return {f"{self.name(1)} withheld": f"{reason}, one for each class"}
        order = torch.Generator().manual_seed(derive_seed(self.seed, "splits"))
        logits = torch.cat(self.logits)[torch.randperm(count, generator=order)]
        if count < self.splits * self.classes:
            return {self.name(1): float(scores(logits / self.temperature, splits=1)[0])}
        each, name = scores(logits / self.temperature, splits=self.splits), self.name(self.splits)
        return {name: float(each.mean()), f"{name} deviation": float(each.std(correction=0))}

    def name(self, splits: int) -> str:
        """The metric's name, with everything that must agree for two scores to be comparable."""
        calibrated = self.temperature != 1
        protocol = [
            f"{self.classes} classes",
            f"{splits} split{'s' if splits > 1 else ''}",
            f"weights {self.digest}",
        ]
        if calibrated:
            protocol.append(f"temperature {self.temperature:g}")
        return f"inception score{'*' if calibrated else ''} ({', '.join(protocol)})"


def scores(logits: Float[Tensor, "n k"], *, splits: int) -> Float[Tensor, "splits"]:
    """The inception score of each of several consecutive splits of the images."""
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
