"""Word attention as torch operators, forward and backward, implemented in cpu.py and gpu.py.

Only the inputs are saved for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels import operators
from attnforge.kernels.word_attention import cpu, reference
from attnforge.kernels.word_attention.layout import empty_context, empty_weights


def run_forward(
    features: Tensor, words: Tensor, padding: Tensor, kernel: str, join: bool, weights: bool
) -> tuple[Tensor, Tensor]:
    """The context (after the features with `join`), and the weights with `weights`."""
    if kernel == "cpu":
        return cpu.forward(features, words, padding, join=join, weights=weights)
    from attnforge.kernels.word_attention import gpu  # imports Triton, which may be missing

    return gpu.forward(features, words, padding, join=join, weights=weights)


def run_backward(
    gradient: Tensor,
    weights_gradient: Tensor | None,
    features: Tensor,
    words: Tensor,
    padding: Tensor,
    kernel: str,
    join: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of the features and the words."""
    if kernel == "cpu":
        return cpu.backward(gradient, weights_gradient, features, words, padding, join=join)
    from attnforge.kernels.word_attention import gpu

    return gpu.backward(gradient, weights_gradient, features, words, padding, join=join)


def forward_shapes(
    features: Tensor, words: Tensor, padding: Tensor, kernel: str, join: bool, weights: bool
) -> tuple[Tensor, Tensor]:
    """Empty results of `run_forward`."""
    return empty_context(features, join=join), empty_weights(features, words.shape[2], needed=weights)


def backward_shapes(
    gradient: Tensor,
    weights_gradient: Tensor | None,
    features: Tensor,
    words: Tensor,
    padding: Tensor,
    kernel: str,
    join: bool,
) -> tuple[Tensor, Tensor]:
    """Empty results of `run_backward`."""
    return empty_context(features, join=False), words.new_empty(words.shape)


BACKWARD = operators.register(
    "word_attention_backward",
    "(Tensor gradient, Tensor? weights_gradient, Tensor features, Tensor words, Tensor padding, str kernel,"
    " bool join) -> (Tensor, Tensor)",
    run=run_backward,
    shapes=backward_shapes,
)


def save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Save the inputs, which costs no memory."""
    features, words, padding, ctx.kernel, ctx.join, ctx.weights = inputs
    ctx.save_for_backward(features, words, padding)


def gradient(ctx: Any, of_context: Tensor, of_weights: Tensor) -> tuple[Tensor | None, ...]:
    """The gradient; it can be differentiated again outside of compiled models."""
    features, words, padding = ctx.saved_tensors
    of_maps = of_weights if ctx.weights else None
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        gradients = differentiable_gradient(of_context, of_maps, features, words, padding, join=ctx.join)
    else:
        gradients = BACKWARD(of_context, of_maps, features, words, padding, ctx.kernel, ctx.join)
    return *gradients, None, None, None, None


def differentiable_gradient(
    gradient: Tensor,
    weights_gradient: Tensor | None,
    features: Tensor,
    words: Tensor,
    padding: Tensor,
    *,
    join: bool,
) -> tuple[Tensor, ...]:
    """The gradient in plain torch, which can be differentiated again."""
    context, weights = reference.word_attention(
        features, words, padding, return_weights=weights_gradient is not None, join=join
    )
    outputs, gradients = [context], [gradient]
    if weights is not None and weights_gradient is not None:
        outputs.append(weights)
        gradients.append(weights_gradient)
    leaves = [leaf for leaf in (features, words) if leaf.requires_grad]
    grads = iter(torch.autograd.grad(outputs, leaves, gradients, create_graph=True))
    return tuple(next(grads) if leaf.requires_grad else None for leaf in (features, words))  # type: ignore[misc]


FORWARD = operators.register(
    "word_attention",
    "(Tensor features, Tensor words, Tensor padding, str kernel, bool join, bool weights)"
    " -> (Tensor, Tensor)",
    run=run_forward,
    shapes=forward_shapes,
    save=save,
    gradient=gradient,
)


def attend(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    kernel: str,
    join: bool,
    return_weights: bool,
) -> tuple[Float[Tensor, "b _ h w"], Float[Tensor, "b l h w"] | None]:
    """Word attention by the kernel of that name: `cpu` or `triton`."""
    context, weights = FORWARD(features, words, padding, kernel, join, return_weights)
    return context, weights if return_weights else None
