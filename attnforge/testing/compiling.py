"""What a function gives under `torch.compile`."""

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
    """Compile a function anew and call it.

    Checks of annotations, which jaxtyping's import hook may have put around what is called, are off
    meanwhile: no user compiles them, and torch 2.11 cannot trace them.
    """
    torch.compiler.reset()
    compiled = torch.compile(function, backend="aot_eager", dynamic=False)
    unchecked = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        return compiled(*arguments, **options)
    finally:
        jaxtyping.config.update("jaxtyping_disable", unchecked)
