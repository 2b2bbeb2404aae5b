"""Word attention: every pixel of a feature map looks up the words of its caption (Eq. 2 of AttnGAN)."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.dispatch import AUTO, Candidate, Operation, choose
from attnforge.kernels.gpu import avoid_triton, name_of, refuse_triton
from attnforge.kernels.operators import as_autocast
from attnforge.kernels.word_attention import cpu, op, reference
from attnforge.values import Situation

__all__ = ["OPERATION", "attend_and_join", "word_attention"]

MIN_CPU_PIXELS = {False: 2**15, True: 2**16}
"""Pixels of a batch, without a backward pass and with one, below which scores stay in cache anyway and plain
torch is at least as fast (AMD EPYC, family 25, model 17)."""

MAX_GPU_SIZE = 128
"""Channels, and words, up to which a block fits in a GPU's registers."""


def refuse_cpu(situation: Situation) -> str | None:
    """Why cpu.py cannot run, or None."""
    if situation.device.type != "cpu":
        return f"the inputs are on the device `{situation.device.type}`"
    if situation.dtype not in cpu.TYPES:
        supported = ", ".join(map(name_of, cpu.TYPES))
        return f"it supports {supported}, not {name_of(situation.dtype)}"
    return None


def avoid_cpu(situation: Situation) -> str | None:
    """Why `auto` should skip cpu.py, or None."""
    sizes = situation.sizes
    pixels = sizes["b"] * sizes["h"] * sizes["w"]
    if situation.dtype is torch.bfloat16:
        return "plain torch is faster in bfloat16, since it rounds every product"
    least = MIN_CPU_PIXELS[situation.gradient]
    return f"plain torch is faster below {least:,} pixels" if pixels < least else None


def refuse_gpu(situation: Situation) -> str | None:
    """Why gpu.py cannot run, or None."""
    types = (torch.float32, torch.bfloat16, torch.float16)
    if reason := refuse_triton(situation, types=types):
        return reason
    for letter, axis in (("c", "channels"), ("l", "words")):
        if situation.sizes[letter] > MAX_GPU_SIZE:
            return f"it supports up to {MAX_GPU_SIZE} {axis}, not {situation.sizes[letter]}"
    return None


OPERATION = Operation(
    "word-attention",
    "attention of pixels to words (Eq. 2 of AttnGAN)",
    (
        Candidate(
            "cpu",
            "in blocks that fit in the cache",
            refuse_cpu,
            partial(op.attend, kernel="cpu"),
            avoid_cpu,
        ),
        Candidate(
            "triton",
            "one pass on the GPU",
            refuse_gpu,
            partial(op.attend, kernel="triton"),
            avoid_triton,
        ),
        Candidate(
            "reference", "plain torch, the definition", lambda situation: None, reference.word_attention
        ),
    ),
    {"b": 16, "c": 32, "l": 18, "h": 128, "w": 128},
)
"""Kernels take `join` in addition to the arguments of `word_attention`; see `attend_and_join`."""


def word_attention(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    return_weights: bool = False,
    kernel: str = AUTO,
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b l h w"] | None]:
    """The mean of a caption's words for every pixel, weighted by its attention to each word.

    Eq. 2 of AttnGAN (Xu et al., CVPR 2018), with h_j the features of pixel j and e_i word i:

        s_ji = h_j . e_i        beta_ji = exp(s_ji) / sum_k exp(s_jk)        c_j = sum_i beta_ji e_i

    The dot product is not scaled. Padded words have a weight of exactly zero whatever their slots contain,
    and results never depend on other captions of the batch. The context of a caption of only padding is zero.

    Args:
        features: The feature map (the queries), in any layout.
        words: Word vectors, already projected to the channels of the feature map.
        padding: True where there is no word.
        return_weights: Also return the weights, one map per word.
        kernel: `auto`, or a kernel of `attnforge kernels`.

    Returns:
        The context, and the weights (summing to one over the words of a pixel) or None.

    Raises:
        AttnforgeError: the kernel is unknown or cannot run here.
    """
    return attend(features, words, padding, join=False, return_weights=return_weights, kernel=kernel)


def attend_and_join(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    return_weights: bool = False,
    kernel: str = AUTO,
) -> tuple[Float[Tensor, "b c+c h w"], Float[Tensor, "b l h w"] | None]:
    """The features and their context, concatenated over channels without an extra copy.

    Arguments, weights and errors are those of `word_attention`.
    """
    return attend(features, words, padding, join=True, return_weights=return_weights, kernel=kernel)


def attend(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    join: bool,
    return_weights: bool,
    kernel: str,
) -> tuple[Float[Tensor, "b _ h w"], Float[Tensor, "b l h w"] | None]:
    """Select a kernel and run it."""
    features, words = as_autocast(features, words)
    batch, channels, height, width = features.shape
    situation = Situation(
        device=features.device,
        dtype=features.dtype,
        sizes={"b": batch, "c": channels, "l": words.shape[2], "h": height, "w": width},
        gradient=torch.is_grad_enabled() and (features.requires_grad or words.requires_grad),
    )
    chosen = choose(OPERATION.name, OPERATION.kernels, situation, kernel=kernel)
    context, weights = chosen.run(features, words, padding, join=join, return_weights=return_weights)
    return context, weights
