"""StackGAN-v2's adversarial loss: images alone and with captions, and wrong images that are still real."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.negatives import Mismatch, mismatched
from attnforge.adversarial.precision import at_least_float32
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Discriminator, Prompt
from attnforge.optional import AdaptsToReal
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec


@dataclass(frozen=True, slots=True)
class Logits:
    """What a discriminator says of some images."""

    matching: Float[Tensor, "b *"] | None
    """Of each with its caption; None without captions."""
    alone: Float[Tensor, "b *"] | None
    """Of each alone; None where the loss or the discriminator does without."""


class TreeLoss:
    """The cross entropies of StackGAN-v2 (Zhang et al., 2018), for every size of the images.

    A wrong image is a real one of another caption. With its pairs, and x the real images:

        discriminator   D(x, c) -> 1, D(wrong, c) -> 0, D(G, c) -> 0, D(x) -> 1, D(wrong) -> 1, D(G) -> 0
        generator       D(G, c) -> 1, D(G) -> 1

    All terms are added, without means over kinds as in `bce`. Alone, a wrong image counts as real, which it
    is. Discriminators without unconditional logits halve the terms of wrong and generated images. The
    generator's gradient also passes through the condition that its discriminators compare with, as in the
    official code.

    Args:
        weight: Factor of all terms.
        captions: Classify images with their caption; off for models without captions.
        unconditional: Also classify images alone; by default where the discriminators can.
        mismatch: How wrong images are chosen from the batch: see `bce`. The official code loads one of
            another class with every image.

    Raises:
        RecipeError: Images are classified alone, which the discriminators cannot, or not at all.
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        captions: bool = True,
        unconditional: bool | None = None,
        mismatch: Mismatch = "other-class",
    ) -> None:
        if not spec.unconditional and (unconditional or not captions):
            message = "the loss classifies images without their caption, which the discriminator cannot"
            expected = "a discriminator with `unconditional` logits"
            raise RecipeError(Problem("no-unconditional-head", message, expected=expected))
        if not captions and unconditional is False:
            message = "the loss `stackgan-v2` classifies images neither with captions nor without"
            raise RecipeError(
                Problem("no-terms", message, expected="`captions: true`, or no `unconditional`")
            )
        self.weight = weight
        self.captions = captions
        self.unconditional = unconditional
        self.mismatch: Mismatch = mismatch

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size; no gradient reaches the generator."""
        negative = mismatched(step, self.mismatch) if self.captions else None
        terms = {}
        for network, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            features = network.features(real)
            wrong, share = None, 1.0
            if negative is not None and len(negative.images):
                pairs = at_least_float32(negative.logits(network, features))
                alone = self._logits(network, features, None).alone
                wrong = Logits(pairs, None if alone is None else alone[negative.images])
                share = negative.share
            of_real = self._logits(network, features, step.prompt)
            shown = of_real.alone if of_real.matching is None else of_real.matching
            if isinstance(network, AdaptsToReal) and shown is not None:
                network.adapt(shown)
            total = discriminator_loss(
                of_real,
                wrong,
                self._logits(network, network.features(fake.detach()), step.prompt),
                wrong_share=share,
            )
            terms[f"adversarial {real.shape[-1]}"] = step.value(self.weight) * total
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        prompt = replace(step.prompt, condition=step.fake.condition or step.prompt.condition)
        return {
            f"adversarial {fake.shape[-1]}": step.value(self.weight)
            * generator_loss(self._logits(network, network.features(fake), prompt))
            for network, fake in zip(step.discriminators, step.fake.images, strict=True)
        }

    def _logits(
        self, network: Discriminator, features: Float[Tensor, "b c h w"], prompt: Prompt | None
    ) -> Logits:
        with_alone = network.unconditional if self.unconditional is None else self.unconditional
        with_captions = self.captions and prompt is not None
        return Logits(
            at_least_float32(network.logits(features, prompt)) if with_captions else None,
            at_least_float32(network.logits(features, None)) if with_alone else None,
        )


def discriminator_loss(
    real: Logits, wrong: Logits | None, fake: Logits, *, wrong_share: float = 1.0
) -> Float[Tensor, ""]:
    """The discriminator's loss.

    Args:
        real: Of real images, with their captions.
        wrong: Of real images with the captions of others; None where a batch has none.
        fake: Of generated images, with their captions.
        wrong_share: Factor of the terms of `wrong`, for a part of a batch.
    """
    terms = []
    if real.matching is not None and fake.matching is not None:
        negatives = [_fake(fake.matching)]
        if wrong is not None and wrong.matching is not None:
            negatives.append(wrong_share * _fake(wrong.matching))
        total = torch.stack(negatives)
        terms += [_real(real.matching), total.mean() if real.alone is None else total.sum()]
    if real.alone is not None and fake.alone is not None:
        terms += [_real(real.alone), _fake(fake.alone)]
        if wrong is not None and wrong.alone is not None:
            terms.append(wrong_share * _real(wrong.alone))
    return torch.stack(terms).sum()


def generator_loss(fake: Logits) -> Float[Tensor, ""]:
    """The generator's loss: its images are to be taken for real, with their captions and alone."""
    return torch.stack([_real(logits) for logits in (fake.matching, fake.alone) if logits is not None]).sum()


def _real(logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
    return -F.logsigmoid(logits).mean()


def _fake(logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
    return -F.logsigmoid(-logits).mean()
