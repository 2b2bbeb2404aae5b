"""Word attention: every pixel of a hidden map attends to the words of its caption."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.kernels.dispatch import AUTO, find
from attnforge.kernels.word_attention import OPERATION, attend_and_join, word_attention
from attnforge.specs import AttentionSpec


class WordAttention(nn.Module):
    """F^attn of AttnGAN (Xu et al., 2018, Eq. 2): a context for every pixel from the projected words.

    The words are projected to the map's channels, e' = U e; the weight of word i at pixel j is the
    softmax over words of h_j . e'_i, unscaled, and the context is the weighted sum of the e'_i. Padded
    words get no weight.

    Args:
        mask: `per-caption` masks the padding of each image's own caption. `official` reproduces the bug of
            the official code, which mixes up the captions of a batch; use it only to reproduce its numbers.
        kernel: The kernel that computes it: `auto` takes the fastest available, `attnforge kernels` lists
            all. The official mask is computed in plain torch.

    Raises:
        AttnforgeError: There is no such kernel, or it does not support the official mask.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: AttentionSpec,
        *,
        mask: Literal["per-caption", "official"] = "per-caption",
        kernel: str = AUTO,
    ) -> None:
        super().__init__()
        if kernel != AUTO:
            find(OPERATION.name, OPERATION.kernels, kernel)
        if mask == "official" and kernel not in (AUTO, "reference"):
            message = f"kernel `{kernel}` does not support `mask: official`"
            raise RecipeError(Problem("kernel-refused", message, expected=f"`{AUTO}` or `reference`"))
        self.mask = mask
        self.kernel = kernel
        self.project = nn.Conv1d(spec.words, spec.channels, kernel_size=1, bias=False)

    def forward(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        words = self.project(text.words)
        if self.mask == "official":
            output = attend_as_official(features, words, text.padding)
            return output if return_weights else AttentionOutput(context=output.context, weights=None)
        context, weights = word_attention(
            features, words, text.padding, return_weights=return_weights, kernel=self.kernel
        )
        return AttentionOutput(context=context, weights=weights)

    def join(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> tuple[Float[Tensor, "b c+c h w"], Float[Tensor, "b l h w"] | None]:
        """Features and context, concatenated along the channels in a single write."""
        words = self.project(text.words)
        if self.mask == "official":
            output = attend_as_official(features, words, text.padding)
            joined = torch.cat((features, output.context), dim=1)
            return joined, output.weights if return_weights else None
        return attend_and_join(
            features, words, text.padding, return_weights=return_weights, kernel=self.kernel
        )


def attend_as_official(
    features: Float[Tensor, "b c h w"], words: Float[Tensor, "b c l"], padding: Bool[Tensor, "b l"]
) -> AttentionOutput:
    """Word attention with the misplaced mask of the official code.

    The scores have a row for every pixel of every image, image after image; the masks are repeated
    caption after caption, so that row r gets the mask of caption r mod b. With one caption, or captions
    of one length, this is the intended mask. Otherwise words are masked, padding is attended to, and an
    image depends on the others of its batch.
    """
    batch, _, height, width = features.shape
    pixels = height * width
    rows = torch.arange(batch * pixels, device=features.device).reshape(batch, pixels)
    masked: Bool[Tensor, "b l _"] = padding[rows % batch].transpose(1, 2)
    scores = torch.bmm(words.transpose(1, 2), features.flatten(2))
    weights = scores.masked_fill(masked, torch.finfo(scores.dtype).min).softmax(dim=1)
    context = torch.bmm(words, weights).reshape(features.shape)
    return AttentionOutput(context=context, weights=weights.reshape(batch, -1, height, width))
