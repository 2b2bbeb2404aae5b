"""The adversarial terms of Eq. 4-5: discriminators classify real or fake, and matching or mismatched."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import AdversarialStep, Discriminator
from attnforge.ranges import Weight
from attnforge_attngan.losses.mismatch import Mismatch, mismatched_pairs
from attnforge_attngan.losses.options import Balance
from attnforge_attngan.precision import at_least_float32


class AdversarialLoss(ABC):
    """Base of the adversarial losses: which pairs are classified, and how their terms are summed.

    For every image size, with f the discriminator's features, computed once for each image:

        discriminator   mean(real f, real f with its sentence)
                        + mean(fake f, fake f with its sentence, real f with a mismatched sentence)
        generator       fake f + fake f with its sentence

    This is the official code, `balance: official`. `balance: paper` halves every term instead, those of the
    generator too; with `mismatch: none`, since the paper has no mismatched sentences, it is Eq. 4-5.

    Args:
        weight: Factor of all terms.
        unconditional: Also classify images without their sentence.
        mismatch: Which mismatched sentences real images are paired with: `roll`, that of the next image;
            `other-class`, that of the next image of another class; `all`, those of all images of
            other classes in the batch; `none`, as in the paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for fake ones, and
            sums the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def __init__(
        self,
        *,
        weight: Weight = 1.0,
        unconditional: bool = True,
        mismatch: Mismatch = "roll",
        balance: Balance = "official",
    ) -> None:
        self.weight = weight
        self.unconditional = unconditional
        self.mismatch: Mismatch = mismatch
        self.balance: Balance = balance

    @abstractmethod
    def real_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """The discriminator's loss for real pairs."""

    @abstractmethod
    def fake_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """The discriminator's loss for generated and mismatched pairs."""

    @abstractmethod
    def generator_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """The generator's loss for the images that it generated."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size; no gradient reaches the generator."""
        images, captions = mismatched_pairs(step.class_ids, self.mismatch)
        sentence = step.text.sentence
        terms = {}
        for network, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            real_features, fake_features = network.features(real), network.features(fake.detach())
            real_terms = [self.real_loss(logits) for logits in self._logits(network, real_features, sentence)]
            fake_terms = [self.fake_loss(logits) for logits in self._logits(network, fake_features, sentence)]
            if len(images):
                mismatched = network.logits(real_features[images], sentence[captions])
                fake_terms.append(self.fake_loss(at_least_float32(mismatched)))
            if self.balance == "paper":
                total = torch.stack([*real_terms, *fake_terms]).sum() / 2
            else:
                total = torch.stack(real_terms).mean() + torch.stack(fake_terms).mean()
            terms[f"adversarial {real.shape[-1]}"] = self.weight * total
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        terms = {}
        for network, fake in zip(step.discriminators, step.fake.images, strict=True):
            outputs = self._logits(network, network.features(fake), step.text.sentence)
            total = torch.stack([self.generator_loss(logits) for logits in outputs]).sum()
            if self.balance == "paper":
                total = total / 2
            terms[f"adversarial {fake.shape[-1]}"] = self.weight * total
        return terms

    def _logits(
        self, network: Discriminator, features: Float[Tensor, "b c h w"], sentence: Float[Tensor, "b d"]
    ) -> list[Float[Tensor, "b"]]:
        conditional = [at_least_float32(network.logits(features, sentence))]
        if not self.unconditional:
            return conditional
        return [*conditional, at_least_float32(network.logits(features, None))]


class BinaryCrossEntropyLoss(AdversarialLoss):
    """The cross entropies of Eq. 4-5, from logits: -log D for real, -log(1 - D) for fake.

    The generator's loss is -log D. See `AdversarialLoss` for the pairs and the options.

    Args:
        weight: Factor of all terms.
        unconditional: Also classify images without their sentence.
        mismatch: Which mismatched sentences real images are paired with: `roll`, that of the next image;
            `other-class`, that of the next image of another class; `all`, those of all images of
            other classes in the batch; `none`, as in the paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for fake ones, and
            sums the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def real_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-log D, the mean over the batch."""
        return -F.logsigmoid(logits).mean()

    def fake_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-log(1 - D), the mean over the batch."""
        return -F.logsigmoid(-logits).mean()

    def generator_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-log D, the mean over the batch."""
        return self.real_loss(logits)


class HingeLoss(AdversarialLoss):
    """The hinge: max(0, 1 - x) for real, max(0, 1 + x) for fake, of the logit x (Lim and Ye, 2017).

    The generator's loss is -x. See `AdversarialLoss` for the pairs and the options.

    Args:
        weight: Factor of all terms.
        unconditional: Also classify images without their sentence.
        mismatch: Which mismatched sentences real images are paired with: `roll`, that of the next image;
            `other-class`, that of the next image of another class; `all`, those of all images of
            other classes in the batch; `none`, as in the paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for fake ones, and
            sums the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def real_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """max(0, 1 - x), the mean over the batch."""
        return F.relu(1 - logits).mean()

    def fake_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """max(0, 1 + x), the mean over the batch."""
        return F.relu(1 + logits).mean()

    def generator_loss(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-x, the mean over the batch."""
        return -logits.mean()
