"""Conditioning augmentation: a Gaussian around every sentence."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.precision import at_least_float32
from attnforge.interfaces import Condition
from attnforge.ranges import Width
from attnforge.specs import ConditionerSpec


class Augmentation(nn.Module):
    """Samples the condition from a Gaussian with mean and variance computed from the sentence.

    z = mean + exp(logvar / 2) * epsilon, epsilon ~ N(0, 1): conditioning augmentation of StackGAN
    (Zhang et al., 2017), F^ca of AttnGAN's Eq. 1. It also samples in evaluation mode, as the official
    code does, from torch's global generator.

    Args:
        dim: Width of the condition.
        gate: What follows the linear layer: `glu`, a gated linear unit, as in StackGAN-v2 and AttnGAN;
            `relu`, as in StackGAN, whose means and log variances are thus never negative.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self, spec: ConditionerSpec, *, dim: Width = 100, gate: Literal["glu", "relu"] = "glu"
    ) -> None:
        super().__init__()
        self.dim = dim
        self.gate: Literal["glu", "relu"] = gate
        self.linear = nn.Linear(spec.sentence, (4 if gate == "glu" else 2) * dim)

    def forward(self, sentence: Float[Tensor, "b d"]) -> Condition:
        outputs = at_least_float32(self.linear(sentence))
        gated = F.glu(outputs, dim=1) if self.gate == "glu" else F.relu(outputs)
        mean, logvar = gated.chunk(2, dim=1)
        return Condition(value=self.draw(mean, logvar), mean=mean, logvar=logvar)

    def draw(self, mean: Float[Tensor, "b z"], logvar: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
        """One sample of the Gaussian per row."""
        return mean + (0.5 * logvar).exp() * torch.randn_like(mean)


class Sentence(nn.Module):
    """Returns the sentence itself, without noise, as DF-GAN does (Tao et al., 2022).

    Augmentation buries a sentence in noise of variance one until the generator has learned to reduce it,
    which takes longer than a short run. Without a Gaussian, mean and value are the same and the log variance
    is zero; the loss `kl` has no effect, so omit it.

    Args:
        normalise: Subtract the mean of the sentence's numbers and scale them to variance one, that of the
            noise beside them. Sentences that are means of many words are shorter, so that the noise hides
            them at first.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(self, spec: ConditionerSpec, *, normalise: bool = False) -> None:
        super().__init__()
        self.dim = spec.sentence
        self.normalise = normalise

    def forward(self, sentence: Float[Tensor, "b d"]) -> Condition:
        value = F.layer_norm(sentence, (self.dim,)) if self.normalise else sentence
        return Condition(value=value, mean=value, logvar=torch.zeros_like(value))


class NoCondition(nn.Module):
    """Returns a condition of width 0, whatever the sentence: for generators that see noise alone."""

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__()
        self.dim = 0

    def forward(self, sentence: Float[Tensor, "b d"]) -> Condition:
        nothing = sentence[:, :0]
        return Condition(value=nothing, mean=nothing, logvar=nothing)
