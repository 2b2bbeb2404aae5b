"""The adversarial terms of Eq. 4-5: discriminators tell real from drawn and fitting from not fitting."""

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
    """What the adversarial losses share: which images and captions are judged, and how terms add up.

    For every image size, with f the discriminator's features, computed once for each image:

        discriminator   mean(real f, real f with its sentence)
                        + mean(drawn f, drawn f with its sentence, real f with a wrong sentence)
        generator       drawn f + drawn f with its sentence

    This is the official code, `balance: official`. `balance: paper` halves every term instead, those of the
    generator too; with `mismatch: none`, since the paper knows no wrong sentences, it is Eq. 4-5.

    Args:
        weight: What all terms are multiplied with.
        unconditional: Judge images without their sentence, too.
        mismatch: Which wrong sentences real images are shown with: `roll`, that of the next image;
            `other-class`, that of the next image of another class; `all`, those of all images of
            other classes in the batch; `none`, as in the paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for false ones, and
            adds up the generator's; `paper` gives every term the weight one half (Eq. 4-5).
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
    def real(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """What a discriminator pays for pairs that it should have called real."""

    @abstractmethod
    def false(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """What a discriminator pays for pairs that it should have called false."""

    @abstractmethod
    def drawn(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """What the generator pays for images that it drew."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term an image size; no gradient reaches the generator."""
        images, captions = mismatched_pairs(step.class_ids, self.mismatch)
        sentence = step.text.sentence
        terms = {}
        for judge, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            seen, drawn = judge.features(real), judge.features(fake.detach())
            right = [self.real(logits) for logits in self._logits(judge, seen, sentence)]
            false = [self.false(logits) for logits in self._logits(judge, drawn, sentence)]
            if len(images):
                false.append(self.false(at_least_float32(judge.logits(seen[images], sentence[captions]))))
            if self.balance == "paper":
                total = torch.stack([*right, *false]).sum() / 2
            else:
                total = torch.stack(right).mean() + torch.stack(false).mean()
            terms[f"adversarial {real.shape[-1]}"] = self.weight * total
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term an image size."""
        terms = {}
        for judge, fake in zip(step.discriminators, step.fake.images, strict=True):
            judged = self._logits(judge, judge.features(fake), step.text.sentence)
            total = torch.stack([self.drawn(logits) for logits in judged]).sum()
            if self.balance == "paper":
                total = total / 2
            terms[f"adversarial {fake.shape[-1]}"] = self.weight * total
        return terms

    def _logits(
        self, judge: Discriminator, features: Float[Tensor, "b c h w"], sentence: Float[Tensor, "b d"]
    ) -> list[Float[Tensor, "b"]]:
        conditional = [at_least_float32(judge.logits(features, sentence))]
        if not self.unconditional:
            return conditional
        return [*conditional, at_least_float32(judge.logits(features, None))]


class BinaryCrossEntropyLoss(AdversarialLoss):
    """The cross entropies of Eq. 4-5, from logits: -log D for real, -log(1 - D) for false.

    The generator pays -log D for what it drew. See `AdversarialLoss` for the pairs and the options.

    Args:
        weight: What all terms are multiplied with.
        unconditional: Judge images without their sentence, too.
        mismatch: Which wrong sentences real images are shown with: `roll`, that of the next image;
            `other-class`, that of the next image of another class; `all`, those of all images of
            other classes in the batch; `none`, as in the paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for false ones, and
            adds up the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def real(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-log D, the mean over the batch."""
        return -F.logsigmoid(logits).mean()

    def false(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-log(1 - D), the mean over the batch."""
        return -F.logsigmoid(-logits).mean()

    def drawn(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-log D, the mean over the batch."""
        return self.real(logits)


class HingeLoss(AdversarialLoss):
    """The hinge: max(0, 1 - x) for real, max(0, 1 + x) for false, of the logit x (Lim and Ye, 2017).

    The generator pays -x for what it drew. See `AdversarialLoss` for the pairs and the options.

    Args:
        weight: What all terms are multiplied with.
        unconditional: Judge images without their sentence, too.
        mismatch: Which wrong sentences real images are shown with: `roll`, that of the next image;
            `other-class`, that of the next image of another class; `all`, those of all images of
            other classes in the batch; `none`, as in the paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for false ones, and
            adds up the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def real(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """max(0, 1 - x), the mean over the batch."""
        return F.relu(1 - logits).mean()

    def false(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """max(0, 1 + x), the mean over the batch."""
        return F.relu(1 + logits).mean()

    def drawn(self, logits: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        """-x, the mean over the batch."""
        return -logits.mean()
