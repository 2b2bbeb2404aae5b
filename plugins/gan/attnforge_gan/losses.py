"""The adversarial losses of Eq. 4-5: cross entropy, and the hinge."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.loss import AdversarialLoss


class BinaryCrossEntropyLoss(AdversarialLoss):
    """The cross entropies of Eq. 4-5, from logits: -log D for real, -log(1 - D) for fake.

    The generator's loss is -log D. See `AdversarialLoss` for the pairs and the options.

    Args:
        weight: Factor of all terms.
        unconditional: Also classify images without their caption; by default where the discriminators can.
        mismatch: Which mismatched captions real images are paired with: `roll`, that of the next image;
            `circular`, that of the image before, cyclically; `other-class`, that of the next image of another
            class; `all`, those of all images of other classes in the batch; `none`, as in the
            paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for fake ones, and
            sums the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def real_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """-log D, the mean over the batch."""
        return -F.logsigmoid(logits).mean()

    def fake_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """-log(1 - D), the mean over the batch."""
        return -F.logsigmoid(-logits).mean()

    def generator_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """-log D, the mean over the batch."""
        return self.real_loss(logits)


class HingeLoss(AdversarialLoss):
    """The hinge: max(0, 1 - x) for real, max(0, 1 + x) for fake, of the logit x (Lim and Ye, 2017).

    The generator's loss is -x. See `AdversarialLoss` for the pairs and the options.

    Args:
        weight: Factor of all terms.
        unconditional: Also classify images without their caption; by default where the discriminators can.
        mismatch: Which mismatched captions real images are paired with: `roll`, that of the next image;
            `circular`, that of the image before, cyclically; `other-class`, that of the next image of another
            class; `all`, those of all images of other classes in the batch; `none`, as in the
            paper.
        balance: `official` averages the discriminator's terms for real pairs, and those for fake ones, and
            sums the generator's; `paper` gives every term the weight one half (Eq. 4-5).
    """

    def real_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """max(0, 1 - x), the mean over the batch."""
        return F.relu(1 - logits).mean()

    def fake_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """max(0, 1 + x), the mean over the batch."""
        return F.relu(1 + logits).mean()

    def generator_loss(self, logits: Float[Tensor, "b *"]) -> Float[Tensor, ""]:
        """-x, the mean over the batch."""
        return -logits.mean()
