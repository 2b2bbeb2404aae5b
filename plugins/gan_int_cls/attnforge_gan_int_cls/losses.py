"""The matching-aware loss, with interpolated sentences for the generator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.negatives import Mismatch, mismatched
from attnforge.adversarial.precision import at_least_float32
from attnforge.interfaces import AdversarialStep
from attnforge.optional import AdaptsToReal
from attnforge.ranges import Share
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec
from attnforge_gan_int_cls.interpolation import Interpolation


class MatchingAwareLoss:
    """Cross entropy for real, mismatched and generated pairs (GAN-CLS), and for sentences in between (INT).

    With D the probability that a pair is real, s the share and w the weight of interpolated sentences:

        discriminator   -log D(real) - s log(1 - D(mismatched)) - (1 - s) log(1 - D(fake))
        generator       -(sum of log D over captions + w sum of log D over interpolated sentences)
                        / (number of captions and interpolated sentences)

    With interpolation the generator generates again, with new noise, captions and interpolated sentences in
    one batch; the discriminator never learns from these, as in the official code.

    Args:
        weight: Factor of all terms.
        mismatched_share: Share s of the mismatched pairs among the negatives.
        mismatch: Which mismatched captions real images are paired with; see `bce`. The official code takes
            another image of another class, which is the same pair seen from the caption.
        interpolation: The interpolated sentences; null trains on captions alone (GAN-CLS).
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        mismatched_share: Share = 0.5,
        mismatch: Mismatch = "other-class",
        interpolation: Interpolation | None = None,
    ) -> None:
        self.weight = weight
        self.mismatched_share = mismatched_share
        self.mismatch: Mismatch = mismatch
        self.interpolation = interpolation

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size; no gradient reaches the generator."""
        negative = mismatched(step, self.mismatch)
        terms = {}
        for network, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            features = network.features(real)
            real_logits = network.logits(features, step.prompt)
            if isinstance(network, AdaptsToReal):
                network.adapt(real_logits)
            real_loss = loss_of_real(real_logits)
            mismatched_loss = real_loss.new_zeros(())
            if negative is not None:
                mismatched_loss = negative.mean(network, features, loss_of_fake)
            fake_loss = loss_of_fake(network.logits(network.features(fake.detach()), step.prompt))
            total = self.total(real_loss, mismatched_loss, fake_loss)
            terms[f"adversarial {real.shape[-1]}"] = step.value(self.weight) * total
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        prompt, images, extra = step.prompt, step.fake.images, 0.0
        if self.interpolation is not None and len(prompt.sentence) > 1:
            prompt, extra = self.interpolation.added_to(prompt), self.interpolation.weight
            noise = torch.randn(len(prompt.sentence), step.generator.noise, device=prompt.sentence.device)
            images = step.generator(noise, prompt).images
        terms = {}
        for network, image in zip(step.discriminators, images, strict=True):
            logits = network.logits(network.features(image), prompt)
            loss = generator_loss(logits, captions=len(step.prompt.sentence), weight=extra)
            terms[f"adversarial {image.shape[-1]}"] = step.value(self.weight) * loss
        return terms

    def total(
        self,
        real: Float[Tensor, ""],
        mismatched: Float[Tensor, ""],
        fake: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        """The discriminator's loss from that of each kind of pair."""
        return real + self.mismatched_share * mismatched + (1 - self.mismatched_share) * fake


def loss_of_real(logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
    """-log D, the mean over the pairs."""
    return -F.logsigmoid(at_least_float32(logits)).mean()


def loss_of_fake(logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
    """-log(1 - D), the mean over the pairs."""
    return -F.logsigmoid(-at_least_float32(logits)).mean()


def generator_loss(logits: Float[Tensor, "b *"], *, captions: int, weight: float) -> Float[Tensor, ""]:
    """-log D, the mean over all pairs; those behind the first `captions` have the weight."""
    losses = -F.logsigmoid(at_least_float32(logits))
    return (losses[:captions].sum() + weight * losses[captions:].sum()) / losses.numel()
