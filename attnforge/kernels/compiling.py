"""Compile Triton kernels for a GPU that is not at hand, and see what they would take there."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a compiled kernel takes."""

    registers: int
    """Of each thread; 255 is the most."""
    spilled_bytes: int
    """Memory of each thread for what its registers do not hold."""
    shared_bytes: int
    """Shared memory of each block: at most 163 KiB on sm_80 and 227 KiB on sm_90."""
    ptx: str
    """The assembly."""


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
    """Compile a kernel; needs Triton, and neither a GPU nor its driver.

    The process must not run Triton's interpreter, which leaves nothing to compile.

    Args:
        capability: Compute capability of the GPU: 80 is A100, 90 is H100.
        kernel: A function under `triton.jit`.
        types: The type of every argument that is no constant, as Triton writes it: `*bf16`, `i32`, `fp32`.
        constants: The value of every argument that is constant. A stride of 1 counts: Triton makes an
            argument that is 1 a constant.
        divisible: Arguments that are divisible by 16, pointers included, which Triton sees at a launch.
        warps: How many warps a block has.
        stages: How many rounds of a loop are in flight.
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
    """Registers and spilled bytes of a thread, as NVIDIA's tool, which comes with Triton, reads them."""
    from triton import knobs

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        command = [knobs.nvidia.cuobjdump.path, "-res-usage", file.name]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    used = {name: int(value) for name, value in re.findall(r"\b(REG|STACK|LOCAL):(\d+)", report)}
    return used["REG"], used["STACK"] + used["LOCAL"]
