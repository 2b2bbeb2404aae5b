"""Which processors and GPUs multiply bfloat16 in hardware; others are slower with it than with float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from attnforge.errors import AttnforgeError, Problem
from attnforge.kernels.gpu import MIN_CAPABILITY

CPU_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""Instruction sets of x86 and Arm that multiply bfloat16, by their names in `torch.cpu.get_capabilities`."""


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 in hardware; False where torch cannot tell."""
    if device.type == "cuda":
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= MIN_CAPABILITY
    if device.type != "cpu":
        return False
    capabilities = cpu_capabilities()
    return any(capabilities.get(name, False) for name in CPU_INSTRUCTIONS)


def cpu_capabilities() -> Mapping[str, Any]:
    """The instruction sets of this processor by name; empty for a torch that does not list them."""
    read = getattr(torch.cpu, "get_capabilities", None)
    return {} if read is None else read()


def refuse_old_gpus(device: torch.device) -> None:
    """Refuse a GPU that cannot compute in bfloat16.

    Raises:
        AttnforgeError: it is too old.
    """
    if device.type != "cuda" or torch.version.hip is not None:
        return
    capability = torch.cuda.get_device_capability(device)
    if capability < MIN_CAPABILITY:
        message = (
            f"the GPU has compute capability {capability[0]}.{capability[1]}, which does not support bfloat16"
        )
        expected = "a GPU of compute capability 8.0 (Ampere) or later, or `training.precision: float32`"
        next_step = "attnforge train RECIPE training.precision=float32"
        raise AttnforgeError(Problem("precision-refused", message, None, expected, next_step))
