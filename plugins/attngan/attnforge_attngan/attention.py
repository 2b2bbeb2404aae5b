"""Word attention: every pixel of a hidden map asks the words what it should show."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.kernels.word_attention import word_attention
from attnforge.specs import AttentionSpec


class WordAttention(nn.Module):
    """F^attn of AttnGAN (Xu et al., 2018, Eq. 2): a context for every pixel from the projected words.

    The words are projected to the map's channels, e' = U e; the weight of word i at pixel j is the
    softmax over words of h_j . e'_i, unscaled, and the context is the weighted sum of the e'_i. Padded
    words get no weight.
    """

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__()
        self.project = nn.Conv1d(spec.words, spec.channels, kernel_size=1, bias=False)

    def forward(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        words = self.project(text.words)
        context, weights = word_attention(features, words, text.padding, return_weights=return_weights)
        return AttentionOutput(context=context, weights=weights)
