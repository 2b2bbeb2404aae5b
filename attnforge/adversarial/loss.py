"""The base of adversarial losses: which pairs of image and caption they classify."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.negatives import Mismatch, mismatched
from attnforge.adversarial.precision import at_least_float32
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Discriminator, Prompt
from attnforge.optional import AdaptsToReal, SeesImagesAlone
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

Balance = Literal["official", "paper"]
"""How the terms of an adversarial loss are weighted; see `AdversarialLoss`."""


class AdversarialLoss(ABC):
    """Base of the adversarial losses: which pairs are classified, and how their terms are summed.

    For every image size, with f the discriminator's features, computed once for each image:

        discriminator   mean(real f, real f with its sentence)
                        + mean(fake f, fake f with its sentence, real f with a mismatched sentence)
        generator       fake f + fake f with its sentence

    This is the official code, `balance: official`. `balance: paper` halves every term instead, those of the
    generator too; with `mismatch: none`, since the paper has no mismatched sentences, it is Eq. 4-5.

    Without unconditional logits the terms for images alone are absent: with `mismatch: circular` that is
    DF-GAN's objective (Tao et al., 2022).

    Args:
        spec: Whether the discriminators can classify images without a caption.
        weight: Factor of all terms.
        unconditional: Also classify images without their caption; by default where the discriminators can.
        mismatch: Which mismatched captions real images are paired with: `roll`, that of the next image;
            `circular`, that of the image before, cyclically; `other-class`, that of the next image of another
            class; `all`, those of all images of other classes in the batch; `none`, as in the
            paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for fake ones, and
            sums the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        unconditional: bool | None = None,
        mismatch: Mismatch = "roll",
        balance: Balance = "official",
    ) -> None:
        if unconditional and not spec.unconditional:
            message = "the loss classifies images without their caption, which the discriminator cannot"
            expected = "a discriminator with `unconditional` logits, or a loss without `unconditional: true`"
            raise RecipeError(Problem("no-unconditional-head", message, expected=expected))
        self.weight = weight
        self.unconditional = spec.unconditional if unconditional is None else unconditional
        self._where_possible = unconditional is None
        self.mismatch: Mismatch = mismatch
        self.balance: Balance = balance

    @abstractmethod
    def real_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """The discriminator's loss for real pairs."""

    @abstractmethod
    def fake_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """The discriminator's loss for generated and mismatched pairs."""

    @abstractmethod
    def generator_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """The generator's loss for the images that it generated."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size; no gradient reaches the generator."""
        negative = mismatched(step, self.mismatch)
        terms = {}
        for network, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            real_features, fake_features = features_of_both(network, real, fake.detach())
            real_logits = self._logits(network, real_features, step.prompt)
            fake_logits = self._logits(network, fake_features, step.prompt)
            if isinstance(network, AdaptsToReal):
                network.adapt(real_logits[0])
            real_terms = [self.real_loss(logits) for logits in real_logits]
            fake_terms = [self.fake_loss(logits) for logits in fake_logits]
            if negative is not None:
                fake_terms.append(negative.mean(network, real_features, self.fake_loss))
            if self.balance == "paper":
                total = torch.stack([*real_terms, *fake_terms]).sum() / 2
            else:
                total = torch.stack(real_terms).mean() + torch.stack(fake_terms).mean()
            terms[f"adversarial {real.shape[-1]}"] = step.value(self.weight) * total
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        terms = {}
        for network, fake in zip(step.discriminators, step.fake.images, strict=True):
            outputs = self._logits(network, network.features(fake), step.prompt)
            total = torch.stack([self.generator_loss(logits) for logits in outputs]).sum()
            if self.balance == "paper":
                total = total / 2
            terms[f"adversarial {fake.shape[-1]}"] = step.value(self.weight) * total
        return terms

    def _logits(
        self, network: Discriminator, features: Float[Tensor, "b c h w"], prompt: Prompt
    ) -> list[Float[Tensor, "b *"]]:
        conditional = [at_least_float32(network.logits(features, prompt))]
        if not (network.unconditional if self._where_possible else self.unconditional):
            return conditional
        return [*conditional, at_least_float32(network.logits(features, None))]


def features_of_both(
    network: Discriminator, real: Float[Tensor, "b 3 h w"], fake: Float[Tensor, "b 3 h w"]
) -> tuple[Float[Tensor, "b c i j"], Float[Tensor, "b c i j"]]:
    """The features of real and of generated images, in one batch where a discriminator sees each image alone.

    Batch normalisation would otherwise mix them, which the official codes do not.
    """
    if isinstance(network, SeesImagesAlone) and network.sees_images_alone:
        both = network.features(torch.cat((real, fake)))
        return both[: len(real)], both[len(real) :]
    return network.features(real), network.features(fake)
