"""The device on which a test can run a kernel."""

from __future__ import annotations

import pytest

from attnforge.kernels import gpu


def device_for(kernel: str) -> str:
    """Where a kernel can run: Triton's on the GPU, unless they are interpreted.

    The test is skipped where they must be interpreted and the interpreter of this Triton cannot be used.
    """
    if kernel != "triton":
        return "cpu"
    if not gpu.interpreted():
        return "cuda"
    if gpu.INTERPRETER_FAULT is not None:
        pytest.skip(gpu.INTERPRETER_FAULT)
    return "cpu"
