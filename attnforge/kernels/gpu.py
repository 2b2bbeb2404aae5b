"""Where Triton kernels run: on NVIDIA GPUs from Ampere on, or in Triton's interpreter."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy
import torch
from packaging.version import Version
from torch import Tensor

from attnforge.values import Situation

INSTALLED = find_spec("triton") is not None
INTERPRETED = "TRITON_INTERPRET"
"""Triton's environment variable: with 1, kernels run in Python, to check their results."""
MIN_CAPABILITY = (8, 0)
"""Compute capability of Ampere, the first GPUs with bfloat16 and TF32."""


def interpreted() -> bool:
    """Whether Triton kernels run in the interpreter; Triton reads the variable when it is imported."""
    return os.environ.get(INTERPRETED, "0").lower() in {"1", "true", "yes", "on", "y"}


def fault_of_interpreter(*, triton: str | None, numpy: str) -> str | None:
    """Why the interpreter of that Triton does not work with that numpy, or None.

    Before 3.7 it converts one-element arrays to numbers, which numpy rejects from 2.4 on. Compiled kernels do
    not use numpy.
    """
    if triton is None or Version(triton).release >= (3, 7) or Version(numpy).release < (2, 4):
        return None
    return (
        f"the interpreter of Triton {triton} cannot read the arrays of numpy {numpy}: install numpy < 2.4 "
        "or Triton >= 3.7"
    )


def _installed_triton() -> str | None:
    try:
        return version("triton")
    except PackageNotFoundError:
        return None


INTERPRETER_FAULT = fault_of_interpreter(triton=_installed_triton(), numpy=numpy.__version__)
"""Why the installed Triton cannot interpret kernels, or None."""


def avoid_triton(situation: Situation) -> str | None:
    """Why `auto` skips a Triton kernel that can run, or None."""
    return "Triton's interpreter is for checking kernels, not for speed" if interpreted() else None


def refuse_triton(situation: Situation, *, types: Collection[torch.dtype]) -> str | None:
    """Why a Triton kernel cannot run, or None.

    Args:
        situation: The inputs and options of the call.
        types: The types that the kernel supports.
    """
    device = situation.device
    if not INSTALLED:
        return "Triton is not installed"
    if situation.dtype not in types:
        supported = ", ".join(map(name_of, types))
        return f"it supports {supported}, not {name_of(situation.dtype)}"
    if interpreted():
        if INTERPRETER_FAULT is not None:
            return INTERPRETER_FAULT
        return None if device.type in {"cpu", "cuda"} else f"the inputs are on the device `{device.type}`"
    if device.type != "cuda":
        return f"the inputs are on the device `{device.type}`, but Triton compiles for GPUs"
    if torch.version.hip is not None:
        return "it supports NVIDIA GPUs only"
    if not torch.cuda.is_available():
        return "no GPU is available"
    capability = torch.cuda.get_device_capability(device)
    if capability < MIN_CAPABILITY:
        return f"the GPU has compute capability {capability[0]}.{capability[1]}, below 8.0"
    return None


def device_of(values: Tensor) -> AbstractContextManager[None]:
    """A context in which Triton launches on the GPU of a tensor; a no-op for a tensor on the CPU."""
    context: AbstractContextManager[None] = torch.cuda.device_of(values)  # type: ignore[no-untyped-call]
    return context


def name_of(dtype: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")
