"""Word attention: every pixel of a feature map looks up the words of its caption (Eq. 2 of AttnGAN)."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.word_attention import reference

__all__ = ["word_attention"]


def word_attention(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    return_weights: bool = False,
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b l h w"] | None]:
    """Give every pixel the mean of its caption's words, weighted by how much it attends to each.

    Eq. 2 of AttnGAN (Xu et al., CVPR 2018), with h_j the features of pixel j and e_i word i:

        s_ji = h_j . e_i        beta_ji = exp(s_ji) / sum_k exp(s_jk)        c_j = sum_i beta_ji e_i

    The dot product is not scaled. A padded word gets exactly no weight whatever its slot holds, and a
    caption's result never depends on its batch mates. A caption of padding alone gives a context of zeros.

    Args:
        features: The feature map that asks.
        words: Word vectors, already projected to the channels of the feature map.
        padding: True where there is no word.
        return_weights: Also give the weights, which cost a map for every word.

    Returns:
        The context, and the weights (summing to one over the words of a pixel) or None.
    """
    return reference.word_attention(features, words, padding, return_weights=return_weights)
