"""How a kernel becomes an operator of torch, which compiling, exporting and CUDA graphs leave whole.

An operator computes on plain tensors; gradients are the business of the `torch.autograd.Function` around a
forward and a backward operator. That pair costs half of what one operator with a registered gradient costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

NAMESPACE = "attnforge"


def register(
    name: str, schema: str, *, run: Callable[..., Any], shapes: Callable[..., Any]
) -> Callable[..., Any]:
    """Register the operator `attnforge::name` for processors and GPUs, and give it.

    Args:
        name: The operator's name, unique in attnforge.
        schema: Arguments and results as torch writes them: `(Tensor words, float scale) -> Tensor`. Results
            never share memory with arguments nor with each other.
        run: Computes it. It is called without autograd.
        shapes: Gives results of the right shapes, strides, types and device without computing anything; it
            stands in for `run` on the device `meta` and while a model is compiled or exported.
    """
    qualified = f"{NAMESPACE}::{name}"
    torch.library.define(qualified, schema, tags=(torch.Tag.pt2_compliant_tag,))
    torch.library.impl(qualified, ("cpu", "cuda"), run)
    torch.library.register_fake(qualified, shapes)
    operator: Callable[..., Any] = getattr(getattr(torch.ops, NAMESPACE), name).default
    return operator
