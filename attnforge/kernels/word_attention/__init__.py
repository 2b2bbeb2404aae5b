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

FEW = {False: 2**15, True: 2**16}
"""Pixels of a batch whose scores stay in a processor's cache anyway, without a backward pass and with one:
below them plain torch is faster, or as fast, on an AMD EPYC of family 25, model 17."""

WIDEST = 128
"""Channels, and words, up to which a block's numbers fit into a GPU's registers."""


def refuse_cpu(situation: Situation) -> str | None:
    """Why cpu.py cannot run there, or None."""
    if situation.device.type != "cpu":
        return f"the inputs are on the device `{situation.device.type}`"
    if situation.dtype not in cpu.TYPES:
        known = ", ".join(name_of(one) for one in cpu.TYPES)
        return f"it takes {known}, not {name_of(situation.dtype)}"
    return None


def avoid_cpu(situation: Situation) -> str | None:
    """Why cpu.py is not worth its blocks there, or None."""
    sizes = situation.sizes
    pixels = sizes["b"] * sizes["h"] * sizes["w"]
    if situation.dtype is torch.bfloat16:
        return "plain torch is faster in bfloat16, whose products it leaves rounded"
    few = FEW[situation.gradient]
    return f"plain torch is faster below {few:,} pixels" if pixels < few else None


def refuse_gpu(situation: Situation) -> str | None:
    """Why gpu.py cannot run there, or None."""
    types = (torch.float32, torch.bfloat16, torch.float16)
    if reason := refuse_triton(situation, types=types):
        return reason
    for letter, axis in (("c", "channels"), ("l", "words")):
        if situation.sizes[letter] > WIDEST:
            return f"it takes up to {WIDEST} {axis}, not {situation.sizes[letter]}"
    return None


OPERATION = Operation(
    "word-attention",
    "words into pixels (Eq. 2 of AttnGAN)",
    (
        Candidate(
            "cpu",
            "in blocks that fit into the cache",
            refuse_cpu,
            partial(op.attend, kernel="cpu"),
            avoid_cpu,
        ),
        Candidate(
            "triton",
            "in one pass on the GPU",
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
"""Kernels take `join` beside what `word_attention` takes; see `attend_and_join`."""


def word_attention(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    return_weights: bool = False,
    kernel: str = AUTO,
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b l h w"] | None]:
    """Give every pixel the mean of its caption's words, weighted by how much it attends to each.

    Eq. 2 of AttnGAN (Xu et al., CVPR 2018), with h_j the features of pixel j and e_i word i:

        s_ji = h_j . e_i        beta_ji = exp(s_ji) / sum_k exp(s_jk)        c_j = sum_i beta_ji e_i

    The dot product is not scaled. A padded word gets exactly no weight whatever its slot holds, and a
    caption's result never depends on its batch mates. A caption of padding alone gives a context of zeros.

    Args:
        features: The feature map that asks, in any layout.
        words: Word vectors, already projected to the channels of the feature map.
        padding: True where there is no word.
        return_weights: Also give the weights, which cost a map for every word.
        kernel: `auto`, or the kernel that computes: `attnforge kernels` lists them.

    Returns:
        The context, and the weights (summing to one over the words of a pixel) or None.

    Raises:
        AttnforgeError: The kernel is not known, or cannot run here.
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
    """Give the features with their context behind them, as `torch.cat` would, without a copy of either.

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
    """Choose the kernel and let it run."""
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
