"""Registers kernels as torch operators, which torch.compile, torch.export and CUDA graphs keep intact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NAMESPACE = "attnforge"
WITH_AUTOCAST = frozenset(
    kind for kind in ("cpu", "cuda", "mps", "xpu") if torch.amp.is_autocast_available(kind)
)
"""Device types that models are compiled for and that support autocast."""


def register(
    name: str,
    schema: str,
    *,
    run: Callable[..., Any],
    shapes: Callable[..., Any],
    save: Callable[..., None] | None = None,
    gradient: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Register the operator `attnforge::name` for CPUs and GPUs, and return it.

    Args:
        name: The operator's name, unique in attnforge.
        schema: Arguments and results in torch's notation: `(Tensor words, float scale) -> Tensor`.
            Results never share memory with arguments or with each other.
        run: Computes it. It is called without autograd.
        shapes: Returns empty results with the right shapes, strides, types and device; it replaces `run` on
            the device `meta` and while a model is compiled or exported.
        save: Called as `save(ctx, inputs, output)` if a backward pass may follow, to save what it needs.
        gradient: Called as `gradient(ctx, *gradients)` with the gradients of the results; returns one for
            every argument, or None. Without it, results have no gradient.
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
    """The type of autocast on a device; None if it is off or not supported."""
    kind = device.type
    if not has_autocast(kind) or not torch.is_autocast_enabled(kind):
        return None
    return torch.get_autocast_dtype(kind)


def as_autocast(*values: Tensor) -> tuple[Tensor, ...]:
    """Tensors cast as autocast does for matrix products, if it is on for their device."""
    dtype = autocast_type(values[0].device)
    if dtype is None:
        return values
    return tuple(value if value.dtype is torch.float64 else value.to(dtype) for value in values)


def has_autocast(kind: str) -> bool:
    """Whether a device type supports autocast; torch 2.11 cannot trace its own function for it."""
    # torch's decorator for such functions imports its compiler, which takes seconds
    if torch.compiler.is_compiling():
        return kind in WITH_AUTOCAST
    return torch.amp.is_autocast_available(kind)
