"""A memory of captions: what their images have in common is stored beside their sentences."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.precision import without_autocast
from attnforge.compute.collectives import gather
from attnforge.interfaces import Condition
from attnforge.ranges import Positive, Sharpness, Width
from attnforge.specs import ConditionerSpec


class Memory(nn.Module):
    """Returns the sentence, and what a memory holds for the captions that resemble it.

    The memory is filled with the sentences s_i of the first captions that are trained on. With m their mean,
    s a sentence, and o_i and v_i learned,

        k_i = (s_i - m) / |s_i - m| + o_i,        a_i = softmax_i(sharpness cos(s - m, k_i))
        condition = [normalised s, sum_i a_i v_i]

    a key-value memory (Miller et al., 2016). From a sentence alone, a generator reads what a linear layer can
    separate, and sentences that mean very different things lie close together. A value belongs to one
    caption and those beside it: the network learns in a few epochs which shape it has, and a caption that
    training did not have gets the shapes of those that it resembles. So images resemble training images; with
    data of a few thousand images of many kinds there is hardly another way.

    Encoders that are trained along with the generator would make the sentences stale.

    Args:
        slots: How many captions the memory holds.
        dim: Width of a value.
        sharpness: How much nearer captions count for more, in training; the cosine of unrelated captions is
            about 0.
        sampling_sharpness: The same when sampling. A caption that training did not have lies between others,
            and a mixture of their shapes resembles none of them: let it choose one.
    """

    needs_captions: ClassVar[bool] = True

    sentences: Tensor
    """Those of the slots, in the order in which they were seen."""
    filled: Tensor
    """How many of the slots hold a sentence."""

    def __init__(
        self,
        spec: ConditionerSpec,
        *,
        slots: Positive = 8192,
        dim: Width = 256,
        sharpness: Sharpness = 25.0,
        sampling_sharpness: Sharpness = 100.0,
    ) -> None:
        super().__init__()
        self.dim = spec.sentence + dim
        self.sharpness = sharpness
        self.sampling_sharpness = sampling_sharpness
        self.register_buffer("sentences", torch.zeros(slots, spec.sentence))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self.offsets = nn.Parameter(torch.zeros(slots, spec.sentence))
        self.values = nn.Parameter(torch.randn(slots, dim))

    def forward(self, sentence: Float[Tensor, "b d"]) -> Condition:
        if self.training:
            self._remember(sentence.detach())
        normalised = F.layer_norm(sentence, sentence.shape[1:])
        value = torch.cat((normalised, self._recalled(sentence)), dim=1)
        return Condition(value=value, mean=value, logvar=torch.zeros_like(value))

    @torch.no_grad()
    def _remember(self, sentences: Float[Tensor, "b d"]) -> None:
        """Fill the next slots, as far as there are any; no number leaves the device."""
        everyone = gather(sentences).to(self.sentences.dtype)
        count, slots = len(everyone), len(self.sentences)
        numbers = self.filled + torch.arange(count, device=everyone.device)
        # rows after the last slot write what it holds, or the row that is the first to fill it
        # (a scalar as an index would be copied to the host)
        last = everyone.index_select(0, (slots - 1 - self.filled).clamp(0, count - 1)[None])
        held = torch.where(self.filled < slots, last, self.sentences[-1])
        written = torch.where((numbers < slots)[:, None], everyone, held)
        self.sentences.index_copy_(0, numbers.clamp(max=slots - 1), written)
        self.filled.add_(count).clamp_(max=slots)

    def _recalled(self, sentence: Float[Tensor, "b d"]) -> Float[Tensor, "b v"]:
        """The values of the captions that resemble each sentence; zeros of an empty memory."""
        with without_autocast(sentence.device):
            is_filled = torch.arange(len(self.sentences), device=self.filled.device) < self.filled
            mean = self.sentences.sum(dim=0) / self.filled.clamp(min=1)
            keys = F.normalize(F.normalize(self.sentences - mean, dim=1) + self.offsets, dim=1)
            cosines = F.normalize(sentence.to(keys.dtype) - mean, dim=1) @ keys.T
            sharpness = self.sharpness if self.training else self.sampling_sharpness
            weights = (sharpness * cosines).masked_fill(~is_filled, -torch.inf)
            # a softmax of nothing but -inf is not a number
            weights = torch.where(self.filled > 0, weights, 0.0).softmax(dim=1)
            return torch.where(self.filled > 0, weights @ self.values, 0.0)
