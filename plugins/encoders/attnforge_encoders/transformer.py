"""A transformer text encoder."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.errors import DataError, Problem, RecipeError
from attnforge.interfaces import TextFeatures
from attnforge.ranges import CaptionLength, Depth, EvenWidth, ShareBelowOne, Width
from attnforge.specs import TextSpec


class TransformerTextEncoder(nn.Module):
    """Self-attention over the words of a caption (Vaswani et al., 2017).

    Pre-norm layers, which train without a warm-up (Xiong et al., 2020), with a final normalisation. Words are
    0 at padding, a caption does not depend on the others of its batch, and a caption without any known word
    is read as the single token 0.

    Args:
        dim: Width of word and sentence vectors, a multiple of `heads`.
        layers: Number of layers.
        heads: Attention heads of each layer.
        feedforward: Width of each layer's feed-forward part; by default 4 times `dim`.
        dropout: Dropout probability in each layer.
        positions: `sinusoidal` encodes positions in captions of any length; `learned` starts from this
            encoding and trains it.
        max_length: Maximum length of captions in tokens with `learned` positions.
        sentence: `mean` is the mean of the words, `first` the output at the first word.
    """

    def __init__(
        self,
        spec: TextSpec,
        *,
        dim: EvenWidth = 256,
        layers: Depth = 4,
        heads: Depth = 4,
        feedforward: Width | None = None,
        dropout: ShareBelowOne = 0.1,
        positions: Literal["sinusoidal", "learned"] = "sinusoidal",
        max_length: CaptionLength = 256,
        sentence: Literal["mean", "first"] = "mean",
    ) -> None:
        super().__init__()
        if dim % heads:
            message = f"a width of {dim} is not divisible by {heads} heads"
            raise RecipeError(
                Problem("attention-heads", message, expected="a dim that is a multiple of heads")
            )
        self.dim = dim
        self.sentence = sentence
        self.embedding = nn.Embedding(spec.vocabulary_size, dim)
        self.positions = nn.Parameter(sinusoids(max_length, dim)) if positions == "learned" else None
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(
            dim,
            heads,
            dim_feedforward=feedforward or 4 * dim,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False)
        for parameter in self.layers.parameters():
            if parameter.dim() > 1:
                # TransformerEncoder copies one layer; give each its own weights
                nn.init.xavier_uniform_(parameter)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        padding = positions >= lengths.to(tokens.device).clamp(min=1)[:, None]
        embedded = self.embedding(tokens)
        embedded = self.dropout(embedded + self._positions(tokens.shape[1]).to(embedded))
        hidden = self.layers(embedded, src_key_padding_mask=padding)
        words: Float[Tensor, "b l d"] = hidden.masked_fill(padding[:, :, None], 0.0)
        mean = words.sum(dim=1) / (~padding).sum(dim=1, keepdim=True)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=mean if self.sentence == "mean" else words[:, 0],
            padding=padding,
        )

    def _positions(self, length: int) -> Float[Tensor, "l d"]:
        if self.positions is None:
            return sinusoids(length, self.dim)
        if length > len(self.positions):
            message = f"a caption of {length} tokens is longer than {len(self.positions)} learned positions"
            expected = "a larger text.max_length, or `positions: sinusoidal`"
            raise DataError(Problem("caption-length", message, expected=expected))
        return self.positions[:length]


def sinusoids(length: int, dim: int) -> Float[Tensor, "l d"]:
    """Sines and cosines of the position at wavelengths from 2 pi to 10,000 times that (Vaswani et al., 3.5).

    Args:
        length: Number of positions l.
        dim: Width d, even: first all sines, then all cosines.
    """
    frequencies = 10_000.0 ** (-torch.arange(0, dim, 2) / dim)
    angles = torch.arange(length)[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=1)
