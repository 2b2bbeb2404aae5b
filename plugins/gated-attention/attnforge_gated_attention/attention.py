"""Word attention with a gated context."""

from __future__ import annotations

import math

import torch
from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.specs import AttentionSpec
from jaxtyping import Float
from torch import Tensor, nn


class GatedAttention(nn.Module):
    """Each pixel attends to the words, and a gate decides how much of the context it takes.

    With h_j the features of pixel j (features: b c h w) and e_i word i, projected to c channels:

        s_ij = h_j . e_i / sqrt(c)    a_ij = exp(s_ij) / sum_k exp(s_kj)    f_j = sum_i a_ij e_i
        context_j = sigmoid(W [h_j, f_j] + bias) * f_j

    Context: b c h w. Weights a: b l h w, summing to one over the words of a pixel; those of padded words are
    zero. Eq. 2 of AttnGAN (Xu et al., 2018), scaled as in Vaswani et al. (2017), with a gate as in highway
    networks (Srivastava et al., 2015), which lets a pixel ignore the words.

    Args:
        gate_bias: Initial bias of the gate; at 1 the gate passes 0.73 of the context.
    """

    def __init__(self, spec: AttentionSpec, *, gate_bias: float = 1.0) -> None:
        super().__init__()
        self.project = nn.Linear(spec.words, spec.channels, bias=False)
        self.gate = nn.Conv2d(2 * spec.channels, spec.channels, kernel_size=1)
        nn.init.constant_(self.gate.bias, gate_bias)  # type: ignore[arg-type]

    def forward(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        # Padded positions are set to zero, so that they affect neither outputs nor gradients.
        words = self.project(text.words.masked_fill(text.padding[:, None], 0).transpose(1, 2))
        scores = torch.bmm(words, features.flatten(2)) / math.sqrt(features.shape[1])
        # The lowest finite number, since -inf would give NaN for a caption of padding alone.
        scores = scores.masked_fill(text.padding[:, :, None], torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=1).masked_fill(text.padding[:, :, None], 0)
        context = torch.bmm(words.transpose(1, 2), weights.to(words.dtype)).reshape(features.shape)
        gate = self.gate(torch.cat((features, context), dim=1)).sigmoid()
        maps = weights.reshape(len(weights), -1, *features.shape[2:]) if return_weights else None
        return AttentionOutput(context=gate * context, weights=maps)
