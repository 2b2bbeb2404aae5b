"""Region matching as torch operators, forward and backward, implemented in cpu.py and gpu.py.

Only the inputs and the scores are saved for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels import operators
from attnforge.kernels.region_matching import cpu, reference

CPU_TYPES = {"bfloat16": torch.bfloat16}
"""Types of factors that are faster on a CPU, by precision; other precisions are computed exactly."""


def products_of(precision: str, inputs: torch.dtype) -> torch.dtype:
    """The type of factors of products in cpu.py."""
    if precision == "auto" and inputs is torch.bfloat16:
        return inputs
    return CPU_TYPES.get(precision, torch.promote_types(inputs, torch.float32))


def run_forward(
    words: Tensor,
    regions: Tensor,
    lengths: Tensor,
    kernel: str,
    gamma1: float,
    gamma2: float,
    precision: str,
    sparse: bool,
) -> Tensor:
    """R of every image and caption."""
    if kernel == "triton":
        from attnforge.kernels.region_matching import gpu  # imports Triton, which may be missing

        gammas = {"gamma1": gamma1, "gamma2": gamma2}
        return gpu.forward(words, regions, lengths, **gammas, precision=precision)
    products = products_of(precision, words.dtype)
    with torch.no_grad(), torch.autocast(words.device.type, enabled=False):
        return cpu.forward(words, regions, lengths, gamma1=gamma1, gamma2=gamma2, products=products)


def run_backward(
    gradient: Tensor,
    scores: Tensor,
    words: Tensor,
    regions: Tensor,
    lengths: Tensor,
    kernel: str,
    gamma1: float,
    gamma2: float,
    precision: str,
    sparse: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of the words and the regions."""
    if kernel == "triton":
        from attnforge.kernels.region_matching import gpu_gradient

        return gpu_gradient.backward(
            gradient,
            scores,
            words,
            regions,
            lengths,
            gamma1=gamma1,
            gamma2=gamma2,
            precision=precision,
            sparse=sparse,
        )
    products = products_of(precision, words.dtype)
    with torch.no_grad(), torch.autocast(words.device.type, enabled=False):
        return cpu.backward(
            gradient, scores, words, regions, lengths, gamma1=gamma1, gamma2=gamma2, products=products
        )


def forward_shapes(
    words: Tensor,
    regions: Tensor,
    lengths: Tensor,
    kernel: str,
    gamma1: float,
    gamma2: float,
    precision: str,
    sparse: bool,
) -> Tensor:
    """Empty results of `run_forward`."""
    precise = torch.promote_types(words.dtype, torch.float32)
    return words.new_empty(regions.shape[0], words.shape[0], dtype=precise)


def backward_shapes(
    gradient: Tensor,
    scores: Tensor,
    words: Tensor,
    regions: Tensor,
    lengths: Tensor,
    kernel: str,
    gamma1: float,
    gamma2: float,
    precision: str,
    sparse: bool,
) -> tuple[Tensor, Tensor]:
    """Empty results of `run_backward`."""
    return words.new_empty(words.shape), regions.new_empty(regions.shape)


OPTIONS = "str kernel, float gamma1, float gamma2, str precision, bool sparse"
BACKWARD = operators.register(
    "region_matching_backward",
    f"(Tensor gradient, Tensor scores, Tensor words, Tensor regions, Tensor lengths, {OPTIONS})"
    " -> (Tensor, Tensor)",
    run=run_backward,
    shapes=backward_shapes,
)


def save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    """Save the inputs, which costs no memory, and the scores."""
    words, regions, lengths, *ctx.options = inputs
    ctx.save_for_backward(output, words, regions, lengths)


def gradient(ctx: Any, of_scores: Tensor) -> tuple[Tensor | None, ...]:
    """The gradient; it can be differentiated again outside of compiled models."""
    scores, words, regions, lengths = ctx.saved_tensors
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        _, gamma1, gamma2, _, _ = ctx.options
        gradients = differentiable_gradient(of_scores, words, regions, lengths, gamma1, gamma2)
    else:
        gradients = BACKWARD(of_scores, scores, words, regions, lengths, *ctx.options)
    return *gradients, None, None, None, None, None, None


def differentiable_gradient(
    gradient: Tensor, words: Tensor, regions: Tensor, lengths: Tensor, gamma1: float, gamma2: float
) -> tuple[Tensor | None, ...]:
    """The gradient in plain torch, which can be differentiated again."""
    scores = reference.region_matching(words, regions, lengths, gamma1=gamma1, gamma2=gamma2)
    leaves = [leaf for leaf in (words, regions) if leaf.requires_grad]
    grads = iter(torch.autograd.grad(scores, leaves, gradient, create_graph=True))
    return tuple(next(grads) if leaf.requires_grad else None for leaf in (words, regions))


FORWARD = operators.register(
    "region_matching",
    f"(Tensor words, Tensor regions, Tensor lengths, {OPTIONS}) -> Tensor",
    run=run_forward,
    shapes=forward_shapes,
    save=save,
    gradient=gradient,
)


def match(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    kernel: str,
    gamma1: float,
    gamma2: float,
    precision: str,
    sparse: bool,
) -> Float[Tensor, "i t"]:
    """Region matching by the kernel of that name; `torch` is cpu.py on any device."""
    scores: Tensor = FORWARD(words, regions, lengths, kernel, gamma1, gamma2, precision, sparse)
    return scores
