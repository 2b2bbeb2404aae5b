"""A small word attention kernel for the CPU."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.interfaces import Situation


class ExampleKernel:
    """Word attention by `einsum`, in the inputs' dtype."""

    def refuse(self, situation: Situation) -> str | None:
        """Anything but float32 and float64 on the CPU."""
        if situation.device.type != "cpu":
            return "it runs on the CPU only"
        if situation.dtype not in (torch.float32, torch.float64):
            return f"it takes float32 and float64, not {situation.dtype}"
        return None

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        """Context and weights; see `attnforge.kernels.word_attention`."""
        features, words, padding = inputs
        context, weights = attend(features, words, padding)
        joined = torch.cat((features, context), dim=1) if options["join"] else context
        return joined, weights if options["return_weights"] else None


def attend(
    features: Float[Tensor, "b c h w"], words: Float[Tensor, "b c l"], padding: Bool[Tensor, "b l"]
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b l h w"]]:
    """Eq. 2 of AttnGAN; the context of a caption of padding alone is zero."""
    hidden = padding[:, :, None, None]
    words = words.masked_fill(padding[:, None], 0)
    scores = torch.einsum("bcl,bchw->blhw", words, features)
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(hidden, lowest).softmax(dim=1).masked_fill(hidden, 0)
    return torch.einsum("bcl,blhw->bchw", words, weights), weights
