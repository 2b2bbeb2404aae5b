"""Region matching: how well every caption matches every image, word by word (Eq. 7-10 of AttnGAN)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.errors import AttnforgeError, Problem
from attnforge.kernels.dispatch import AUTO, Candidate, Operation, choose
from attnforge.kernels.gpu import avoid_triton, name_of, refuse_triton
from attnforge.kernels.operators import autocast_type
from attnforge.kernels.region_matching import op, plain, reference
from attnforge.kernels.region_matching.filtering import filter_gradient
from attnforge.values import Situation

__all__ = ["OPERATION", "PRECISIONS", "Precision", "region_attention", "region_matching"]

Precision = Literal["auto", "float32", "tf32", "float16", "bfloat16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
MAX_VECTOR_SIZE = 256
"""Vectors up to this size fit in a GPU's registers with the sums of a block of words."""
MAX_CAPTION_WORDS = 64
"""Captions of up to so many words fit in a block."""
MAX_FLOAT32_PAIRS = 1024
"""Pairs up to which the kernel in full float32 is as fast as plain torch, which waits for the host."""
MIN_CPU_SCORES = 2**20
"""Scores, one for each word and region of each pair, below which plain torch is faster on a CPU, with a
backward pass and without: its tables then take less than 4 MiB. Measured on an AMD EPYC, family 25, model 17;
the same for all types up to float32, in which each is computed. Beyond, cpu.py had 0.8 times the speed where
all captions have the maximum length and memory is reused, and up to 2.4 times where neither holds."""
MAX_GAMMA1 = {"float16": 10.0, "bfloat16": 30.0, "float32": 30.0, "tf32": 30.0}
"""Largest gamma1 for which exp(gamma1), and in float32 the squares of its sums, do not overflow."""


def refuse_cpu(situation: Situation) -> str | None:
    """Why cpu.py and plain.py cannot run, or None."""
    device = situation.device.type
    return None if device == "cpu" else f"the inputs are on the device `{device}`"


def scores_of(situation: Situation) -> int:
    """The number of scores of words and regions in all pairs."""
    return situation.sizes["i"] * situation.sizes["t"] * situation.sizes["l"] * situation.sizes["n"]


def avoid_cpu(situation: Situation) -> str | None:
    """Why `auto` should skip cpu.py, or None."""
    few = scores_of(situation) < MIN_CPU_SCORES
    return f"plain torch is faster below {MIN_CPU_SCORES:,} scores of words and regions" if few else None


def avoid_plain(situation: Situation) -> str | None:
    """Why `auto` should skip plain.py, or None."""
    if scores_of(situation) < MIN_CPU_SCORES:
        return None
    return (
        f"from {MIN_CPU_SCORES:,} scores of words and regions, `cpu` needs at most a quarter of the memory; "
        "which is faster depends on the processor and the lengths of captions"
    )


def refuse_gpu(situation: Situation) -> str | None:
    """Why gpu.py cannot run, or None."""
    if reason := refuse_triton(situation, types=(torch.float32, torch.bfloat16, torch.float16)):
        return reason
    for letter, axis, limit in (("d", "channels", MAX_VECTOR_SIZE), ("l", "words", MAX_CAPTION_WORDS)):
        if situation.sizes[letter] > limit:
            return f"it supports up to {limit} {axis}, not {situation.sizes[letter]}"
    if not all(situation.sizes.values()):
        return "an input is empty"
    precision = situation.options.get("precision", AUTO)
    name = name_of(situation.dtype) if precision == AUTO else precision
    gamma1 = float(situation.options.get("gamma1", 0.0))
    if gamma1 > MAX_GAMMA1[name]:
        return f"{name} overflows with a gamma1 above {MAX_GAMMA1[name]:g}, here {gamma1:g}"
    return None


def avoid_gpu(situation: Situation) -> str | None:
    """Why `auto` should skip gpu.py, or None; measured on an H200."""
    if reason := avoid_triton(situation):
        return reason
    precision = situation.options.get("precision", AUTO)
    full = precision == "float32" or (precision == AUTO and situation.dtype is torch.float32)
    if full and situation.sizes["i"] * situation.sizes["t"] > MAX_FLOAT32_PAIRS:
        return (
            f"plain torch is faster beyond {MAX_FLOAT32_PAIRS} pairs in full float32; "
            "`precision: tf32` or `float16` uses tensor cores"
        )
    return None


def run_in_plain_torch(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    precision: Precision,
    sparse: bool,
    function: Callable[..., Tensor],
) -> Float[Tensor, "i t"]:
    """Run a function of plain torch, which has one precision and computes every pair."""
    return function(words, regions, lengths, gamma1=gamma1, gamma2=gamma2)


OPERATION = Operation(
    "region-matching",
    "all captions against all images (Eq. 7-10 of AttnGAN)",
    (
        Candidate(
            "cpu",
            "in blocks that fit in the cache, with the least memory",
            refuse_cpu,
            partial(op.match, kernel="cpu"),
            avoid_cpu,
        ),
        Candidate(
            "triton",
            "without tables in GPU memory",
            refuse_gpu,
            partial(op.match, kernel="triton"),
            avoid_gpu,
        ),
        Candidate(
            "plain",
            "plain torch, all pairs at once",
            refuse_cpu,
            partial(run_in_plain_torch, function=plain.region_matching),
            avoid_plain,
        ),
        Candidate(
            "torch", "like cpu, on any device", lambda situation: None, partial(op.match, kernel="torch")
        ),
        Candidate(
            "reference",
            "one pair at a time, the definition",
            lambda situation: None,
            partial(run_in_plain_torch, function=reference.region_matching),
        ),
    ),
    {"i": 48, "t": 48, "d": 256, "l": 18, "n": 289},
)
"""Kernels take words, regions as a list, lengths, `gamma1`, `gamma2`, `precision` and `sparse`: whether many
pairs will have a gradient of zero, so that skipping them is faster."""


def region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"] | Float[Tensor, "i d h w"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    precision: Precision = "auto",
    filter: float = 0.0,
    kept: Float[Tensor, ""] | None = None,
    kernel: str = AUTO,
) -> Float[Tensor, "i t"]:
    """Score every image i against every caption t by the attention of its words to the image's regions.

    Eq. 7-10 of AttnGAN (Xu et al., CVPR 2018), for one pair, with e_k word k and v_n region n:

        s_kn = e_k . v_n                    p_kn = exp(s_kn) / sum_j exp(s_jn)   (over the caption's words)
        a_kn = exp(gamma1 p_kn) / sum_m exp(gamma1 p_km)   (over regions)        c_k = sum_n a_kn v_n
        R    = log sum_k exp(gamma2 cos(c_k, e_k))

    The paper raises the sum to the power 1/gamma2; the official code, whose weights were published, does
    not, nor does this: R lies in [-gamma2 + log l, gamma2 + log l] for a caption of l words.
    Words beyond a caption's length have no influence whatever their slots contain. Everything between the two
    products of a pair, and the result, is float32, or float64 for float64. Only the inputs and the result are
    saved for the backward pass, which recomputes the rest; for few pairs on a CPU, autograd saves it, too.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the images, as a list or as a map, in any layout.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply words attend to regions, above 0.
        gamma2: How much the best-matching words of a caption count, above 0.
        precision: The type of factors in products; `auto` is the type of autocast if that is on, else of the
            inputs. A kernel may be more precise.
        filter: The share of the gradient of the scores, by sum of absolute values, that the backward pass may
            skip, in [0, 1). It then computes the smallest set of pairs that carries the rest, and the pairs
            of an image and its own caption. 0 is exact.
        kept: A scalar that the backward pass sets to the share of pairs that it computed.
        kernel: `auto`, or a kernel of `attnforge kernels`.

    Raises:
        AttnforgeError: the kernel or precision is unknown, `filter` is invalid, or the kernel cannot run.
    """
    check(precision, filter)
    if regions.ndim == 4:
        regions = regions.flatten(2)
    device = regions.device
    dtype = torch.promote_types(words.dtype, regions.dtype)
    if precision == AUTO:
        dtype = autocast_type(device) or dtype
    words, regions = words.to(dtype), regions.to(dtype)
    images, width, count = regions.shape
    captions, _, longest = words.shape
    situation = Situation(
        device=device,
        dtype=dtype,
        sizes={"i": images, "t": captions, "d": width, "l": longest, "n": count},
        gradient=torch.is_grad_enabled() and (words.requires_grad or regions.requires_grad),
        options={"gamma1": gamma1, "gamma2": gamma2, "precision": precision},
    )
    chosen = choose(OPERATION.name, OPERATION.kernels, situation, kernel=kernel)
    gammas = {"gamma1": float(gamma1), "gamma2": float(gamma2)}
    scores: Tensor = chosen.run(words, regions, lengths, **gammas, precision=precision, sparse=filter > 0)
    if situation.gradient and (filter or kept is not None):
        scores = filter_gradient(scores, filter, kept)
    return scores


def check(precision: str, share: float) -> None:
    """Refuse invalid options.

    Raises:
        AttnforgeError: the precision is unknown, or the share is not in [0, 1).
    """
    if precision not in PRECISIONS:
        known = ", ".join(f"`{name}`" for name in PRECISIONS)
        raise AttnforgeError(
            Problem("unknown-precision", f"there is no precision `{precision}`", None, f"one of {known}")
        )
    if not 0 <= share < 1:
        message = f"`filter` is {share:g}"
        raise AttnforgeError(Problem("filter-not-a-share", message, None, "a share from 0 to below 1"))


def region_attention(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "t d h w"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
) -> Float[Tensor, "t l h w"]:
    """The attention of each word of a caption to the regions of its own image: a_kn of Eq. 9.

    The map of every word sums to one; the maps beyond a caption's length are zero.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the images, one image per caption.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply words attend to regions, above 0.
    """
    padding = torch.arange(words.shape[2], device=words.device) >= lengths[:, None]
    words = words.masked_fill(padding[:, None], 0)
    scores = torch.bmm(words.transpose(1, 2), regions.flatten(2))
    scores = scores.masked_fill(padding[:, :, None], torch.finfo(scores.dtype).min)
    attention = (gamma1 * scores.softmax(dim=1)).softmax(dim=2)
    attention = attention.masked_fill(padding[:, :, None], 0)
    captions, _, longest = words.shape
    return attention.reshape(captions, longest, *regions.shape[2:])
