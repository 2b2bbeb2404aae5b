"""Runs a function under `torch.compile`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jaxtyping
import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def run_compiled(
    function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result:
    """Compile a function from scratch and call it.

    Runtime type checks that jaxtyping's import hook may have added are disabled meanwhile: users do not
    compile them, and torch 2.11 cannot trace them.
    """
    torch.compiler.reset()
    compiled = torch.compile(function, backend="aot_eager", dynamic=False)
    was_disabled = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        return compiled(*arguments, **options)
    finally:
        jaxtyping.config.update("jaxtyping_disable", was_disabled)
