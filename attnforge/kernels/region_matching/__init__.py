"""Region matching: how well every caption fits every picture, word by word (Eq. 7-10 of AttnGAN)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels.region_matching import vectorized

__all__ = ["region_attention", "region_matching"]


def region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"] | Float[Tensor, "i d h w"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
) -> Float[Tensor, "i t"]:
    """Score every picture i against every caption t by what its words find in the picture's regions.

    Eq. 7-10 of AttnGAN (Xu et al., CVPR 2018), for one pair, with e_k word k and v_n region n:

        s_kn = e_k . v_n                    p_kn = exp(s_kn) / sum_j exp(s_jn)   (over the caption's words)
        a_kn = exp(gamma1 p_kn) / sum_m exp(gamma1 p_km)   (over regions)        c_k = sum_n a_kn v_n
        R    = log sum_k exp(gamma2 cos(c_k, e_k))

    The paper raises the sum to the power 1/gamma2; the official code, whose weights were published, does
    not, and neither does this: R lies in [-gamma2 + log l, gamma2 + log l] for a caption of l words.
    Words beyond a caption's length have no influence whatever their slots hold. Half-precision inputs are
    multiplied as they are; everything between the products, and the result, is float32.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the pictures, as a list or as a map.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply a word picks its regions, above 0.
        gamma2: How much the best-matching words of a caption count, above 0.
    """
    if regions.ndim == 4:
        regions = regions.flatten(2)
    return vectorized.region_matching(words, regions, lengths, gamma1=gamma1, gamma2=gamma2)


def region_attention(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "t d h w"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
) -> Float[Tensor, "t l h w"]:
    """Give the regions of its own picture that each word of a caption picks: a_kn of Eq. 9.

    Every map of a word sums to one; the maps beyond a caption's length are zero.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the pictures, one picture a caption.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply a word picks its regions, above 0.
    """
    padding = torch.arange(words.shape[2], device=words.device) >= lengths[:, None]
    words = words.masked_fill(padding[:, None], 0)
    scores = torch.bmm(words.transpose(1, 2), regions.flatten(2))
    scores = scores.masked_fill(padding[:, :, None], torch.finfo(scores.dtype).min)
    attention = (gamma1 * scores.softmax(dim=1)).softmax(dim=2)
    attention = attention.masked_fill(padding[:, :, None], 0)
    captions, _, longest = words.shape
    return attention.reshape(captions, longest, *regions.shape[2:])
