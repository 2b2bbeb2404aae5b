"""The definition of word attention in plain torch: any device, any floating type, differentiable twice."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.word_attention.layout import channels_last


def word_attention(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    return_weights: bool = False,
    join: bool = False,
) -> tuple[Float[Tensor, "b _ h w"], Float[Tensor, "b l h w"] | None]:
    """Eq. 2 of AttnGAN; see `attnforge.kernels.word_attention.word_attention`, and `attend_and_join`."""
    batch, _, height, width = features.shape
    # Zeros keep the content of padded slots, infinities included, out of both products.
    words = words.masked_fill(padding[:, None], 0)
    # Words are the first axis throughout, so that the large map is never transposed.
    scores = torch.bmm(words.transpose(1, 2), features.flatten(2))
    # The lowest float instead of -inf: a caption of only padding must not divide zero by zero.
    scores = scores.masked_fill(padding[:, :, None], torch.finfo(scores.dtype).min)
    weights = scores.softmax(dim=1).to(scores.dtype)
    if channels_last(features):  # then so is the context, and later layers need not convert it
        context = torch.bmm(weights.transpose(1, 2), words.transpose(1, 2)).transpose(1, 2)
    else:
        context = torch.bmm(words, weights)
    context = context.reshape(features.shape)
    if join:
        context = torch.cat((features, context), dim=1)
    if not return_weights:
        return context, None
    weights = weights.masked_fill(padding[:, :, None], 0)
    return context, weights.reshape(batch, -1, height, width)
