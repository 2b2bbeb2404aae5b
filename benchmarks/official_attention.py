"""The two attentions as in the official AttnGAN code, reimplemented from a description of its steps.

Each product wants its factors a certain way round, so maps are transposed and copied between them. Region
matching goes through the captions one by one. One thing is mended: the official generator pairs pixels with
the padding of other captions, which costs the same as pairing them with their own.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SMALLEST = 1e-8


def official_word_attention(
    features: Float[Tensor, "b c h w"], words: Float[Tensor, "b c l"], padding: Bool[Tensor, "b l"]
) -> Float[Tensor, "b c h w"]:
    """The context of every pixel: the generator's attention."""
    batch, channels, height, width = features.shape
    pixels, longest = height * width, words.shape[2]
    asking = features.reshape(batch, channels, pixels).transpose(1, 2).contiguous()
    scores = torch.bmm(asking, words).view(batch * pixels, longest)
    hidden = padding.repeat_interleave(pixels, dim=0)
    scores = scores.masked_fill(hidden, float("-inf"))
    weights = scores.softmax(dim=1).view(batch, pixels, longest)
    maps = weights.transpose(1, 2).contiguous()
    return torch.bmm(words, maps).view(batch, channels, height, width)


def official_region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
) -> Float[Tensor, "i t"]:
    """The scores of every image and caption: the loop of the DAMSM loss."""
    columns = []
    for caption, length in zip(words, lengths.tolist(), strict=True):
        query = caption[None, :, :length].repeat(len(regions), 1, 1)
        context = _attended(query, regions, gamma1)
        rows = query.transpose(1, 2).contiguous().view(-1, query.shape[1])
        found = context.transpose(1, 2).contiguous().view(-1, query.shape[1])
        norms = torch.linalg.vector_norm(rows, dim=1) * torch.linalg.vector_norm(found, dim=1)
        cosines = (rows * found).sum(dim=1) / norms.clamp(min=SMALLEST)
        similarity = cosines.view(len(regions), length).mul(gamma2).exp_().sum(dim=1, keepdim=True)
        columns.append(similarity.log())
    return torch.cat(columns, dim=1)


def _attended(
    query: Float[Tensor, "i d l"], regions: Float[Tensor, "i d n"], gamma1: float
) -> Float[Tensor, "i d l"]:
    batch, count, longest = len(regions), regions.shape[2], query.shape[2]
    scores = torch.bmm(regions.transpose(1, 2).contiguous(), query).view(batch * count, longest)
    over_words = scores.softmax(dim=1).view(batch, count, longest)
    sharpened = over_words.transpose(1, 2).contiguous().view(batch * longest, count) * gamma1
    over_regions = sharpened.softmax(dim=1).view(batch, longest, count)
    return torch.bmm(regions, over_regions.transpose(1, 2).contiguous())
