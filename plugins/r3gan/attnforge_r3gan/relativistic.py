"""The relativistic pairing loss: a real image against the generated one of the same caption."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.negatives import Mismatch, mismatched
from attnforge.interfaces import AdversarialStep
from attnforge.optional import AdaptsToReal
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec
from attnforge_r3gan.logits import has_unconditional, logits_of


class RelativisticLoss:
    """Pairs the logits of a real and a generated image of the same caption, row by row.

        discriminator   mean softplus(D(fake, s) - D(real, s))
        generator       mean softplus(D(real, s) - D(fake, s))

    Only differences count: a generator that drops a kind of image loses against the real ones of that kind,
    whatever else it gets right. This is the relativistic pairing GAN (Jolicoeur-Martineau, 2019) as R3GAN
    (Huang et al., 2024) uses it, together with `zero-centred` penalties, without which it need not converge.
    Where discriminators have an unconditional logit, the terms are the means over both.

    R3GAN's classes are compared in no other way. A caption can be, as in all text-to-image GANs since Reed et
    al. (2016): with `mismatch`, the discriminator also learns mean softplus(D(real, s') - D(real, s)) for
    captions s' of other images. The generator has no such term.

    Batch normalisation in discriminators makes a logit depend on the other images of its batch, and real and
    generated images are two batches: the difference then lacks whatever distinguishes the batches as a whole.
    Prefer `norm: spectral`, or discriminators without normalisation.

    Args:
        weight: Factor of all terms.
        unconditional: Also pair logits without captions; without a value, as the discriminators can.
        mismatch: Which mismatched captions a real image is compared with: `roll`, that of the next image;
            `circular`, too, and the last image with the first caption; `other-class`, that of the next image
            of another class; `all`, those of all images of other classes in the batch; `none`, as in the
            paper.
        mismatch_weight: Factor of the term with mismatched captions.

    Raises:
        RecipeError: `unconditional` is true, and discriminators have no such logit.
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        unconditional: bool | None = None,
        mismatch: Mismatch = "none",
        mismatch_weight: ScheduledWeight = 1.0,
    ) -> None:
        self.weight = weight
        self.unconditional = has_unconditional(spec, unconditional)
        self.mismatch: Mismatch = mismatch
        self.mismatch_weight = mismatch_weight

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size, and one for mismatched captions; none reaches the generator."""
        negative = mismatched(step, self.mismatch)
        weight, mismatch_weight = step.value(self.weight), step.value(self.mismatch_weight)
        terms = {}
        for network, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            size = real.shape[-1]
            features = network.features(real)
            real_logits = logits_of(network, features, step.prompt, unconditional=self.unconditional)
            fake_logits = logits_of(
                network, network.features(fake.detach()), step.prompt, unconditional=self.unconditional
            )
            if isinstance(network, AdaptsToReal):
                network.adapt(real_logits[0] - fake_logits[0])
            terms[f"adversarial {size}"] = weight * _pairing_loss(real_logits, fake_logits)
            if self.mismatch != "none":
                matched = real_logits[0]
                loss = matched.new_zeros(())
                if negative is not None:
                    pairing = partial(_mismatch_loss, matched[negative.images])
                    loss = negative.mean(network, features, pairing)
                terms[f"mismatched {size}"] = weight * mismatch_weight * loss
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        terms = {}
        for network, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            with torch.no_grad():
                real_logits = logits_of(
                    network, network.features(real), step.prompt, unconditional=self.unconditional
                )
            fake_logits = logits_of(
                network, network.features(fake), step.prompt, unconditional=self.unconditional
            )
            loss = _pairing_loss(fake_logits, real_logits)
            terms[f"adversarial {real.shape[-1]}"] = step.value(self.weight) * loss
        return terms


def _mismatch_loss(matched: Float[Tensor, "k *_"], mismatched: Float[Tensor, "k *_"]) -> Float[Tensor, ""]:
    return _pairing_loss([matched], [mismatched])


def _pairing_loss(
    higher: Sequence[Float[Tensor, "b *_"]], lower: Sequence[Float[Tensor, "b *_"]]
) -> Float[Tensor, ""]:
    """The mean of softplus(lower - higher) over rows, and over pairs with and without captions."""
    losses = [F.softplus(below - above).mean() for above, below in zip(higher, lower, strict=True)]
    return torch.stack(losses).mean()
