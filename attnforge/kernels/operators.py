"""How a kernel becomes an operator of torch, which compiling, exporting and CUDA graphs leave whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NAMESPACE = "attnforge"
WITH_AUTOCAST = frozenset(
    kind for kind in ("cpu", "cuda", "mps", "xpu") if torch.amp.is_autocast_available(kind)
)
"""Types of devices that models are compiled for, and that have an autocast."""


def register(
    name: str,
    schema: str,
    *,
    run: Callable[..., Any],
    shapes: Callable[..., Any],
    save: Callable[..., None] | None = None,
    gradient: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Register the operator `attnforge::name` for processors and GPUs, and give it.

    Args:
        name: The operator's name, unique in attnforge.
        schema: Arguments and results as torch writes them: `(Tensor words, float scale) -> Tensor`. Results
            never share memory with arguments nor with each other.
        run: Computes it. It is called without autograd.
        shapes: Gives results of the right shapes, strides, types and device without computing anything; it
            stands in for `run` on the device `meta` and while a model is compiled or exported.
        save: Called as `save(ctx, inputs, output)` when a backward pass may follow, to keep what it needs.
        gradient: Called as `gradient(ctx, *gradients)` with those of the results, to give one for every
            argument, None where there is none. Without it, results have no gradient.
    """
    qualified = f"{NAMESPACE}::{name}"
    torch.library.define(qualified, schema, tags=(torch.Tag.pt2_compliant_tag,))
    torch.library.impl(qualified, ("cpu", "cuda"), torch.no_grad()(run))
    torch.library.register_fake(qualified, shapes)
    if gradient is not None:
        torch.library.register_autograd(qualified, gradient, setup_context=save)
    operator: Callable[..., Any] = getattr(getattr(torch.ops, NAMESPACE), name).default
    return operator


def autocast_type(device: torch.device) -> torch.dtype | None:
    """What autocast rounds factors of products to on a device; None where it is off or there is none."""
    kind = device.type
    if not has_autocast(kind) or not torch.is_autocast_enabled(kind):
        return None
    return torch.get_autocast_dtype(kind)


def as_autocast(*values: Tensor) -> tuple[Tensor, ...]:
    """Floats in the type of the autocast that is on for their device, as torch's products take them."""
    dtype = autocast_type(values[0].device)
    if dtype is None:
        return values
    return tuple(value if value.dtype is torch.float64 else value.to(dtype) for value in values)


def has_autocast(kind: str) -> bool:
    """Whether a device of that type has an autocast; torch 2.11 cannot trace its own question."""
    # torch's decorator for such functions imports its compiler, which takes seconds
    if torch.compiler.is_compiling():
        return kind in WITH_AUTOCAST
    return torch.amp.is_autocast_available(kind)
