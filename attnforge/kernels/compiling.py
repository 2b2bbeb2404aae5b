"""Compiles Triton kernels without a GPU, and reports the resources that they use."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The resources of a compiled kernel."""

    registers: int
    """Per thread; at most 255."""
    spilled_bytes: int
    """Local memory per thread for values that do not fit in registers."""
    shared_bytes: int
    """Shared memory per block: at most 163 KiB on sm_80 and 227 KiB on sm_90."""
    ptx: str
    """PTX assembly."""


def compile_for(
    capability: int,
    kernel: Any,
    *,
    types: Mapping[str, str],
    constants: Mapping[str, object],
    divisible: Collection[str] = (),
    warps: int = 4,
    stages: int = 2,
) -> Compiled:
    """Compile a kernel; needs Triton, but neither a GPU nor its driver.

    It does not work in a process with Triton's interpreter.

    Args:
        capability: Compute capability of the GPU: 80 for A100, 90 for H100.
        kernel: A function under `triton.jit`.
        types: The type of every argument that is not a constant, in Triton notation: `*bf16`, `i32`, `fp32`.
        constants: The value of every argument that is constant. A stride of 1 counts: Triton makes an
            argument that is 1 a constant.
        divisible: Arguments that are divisible by 16, pointers included, which Triton detects at launch.
        warps: Warps per block.
        stages: Pipeline stages of loops.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    signature = {name: "constexpr" if name in constants else types[name] for name in kernel.arg_names}
    aligned = {(kernel.arg_names.index(name),): [["tt.divisibility", 16]] for name in divisible}
    source = ASTSource(fn=kernel, signature=signature, constexprs=dict(constants), attrs=aligned)
    options = {"num_warps": warps, "num_stages": stages, "enable_fp_fusion": True}
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    registers, spilled = resources(built.asm["cubin"])
    return Compiled(
        registers=registers,
        spilled_bytes=spilled,
        shared_bytes=built.metadata.shared,
        ptx=built.asm["ptx"],
    )


def resources(binary: bytes) -> tuple[int, int]:
    """Registers and spilled bytes per thread, read by the cuobjdump that comes with Triton."""
    from triton import knobs

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        command = [knobs.nvidia.cuobjdump.path, "-res-usage", file.name]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    usage = {name: int(value) for name, value in re.findall(r"\b(REG|STACK|LOCAL):(\d+)", report)}
    return usage["REG"], usage["STACK"] + usage["LOCAL"]
