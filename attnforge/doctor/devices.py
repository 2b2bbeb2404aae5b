"""Checks devices, and the kernels that would run on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attnforge.doctor.finding import OK, PROBLEM, WARNING, Finding, size
from attnforge.plugin.declared import describe_error
from attnforge.run.environment import gpus, processor

DRIVER = Path("/proc/driver/nvidia/version")


def look() -> Iterator[Finding]:
    """Check the CPU and each GPU with a small computation."""
    import torch

    cpu = processor()
    memory = f", {size(cpu.memory_bytes)} of memory" if cpu.memory_bytes else ""
    text = f"{cpu.name}, {cpu.cores} cores, {torch.get_num_threads()} torch threads{memory}"
    yield Finding("devices", "cpu", OK, text)
    for gpu in (available := gpus()):
        text = f"{gpu.name}, {size(gpu.memory_bytes)} of memory, compute capability {gpu.capability}"
        name = f"cuda:{gpu.index}"
        try:
            torch.ones(8, device=name).sum().item()
        except RuntimeError as error:
            text = f"{text}, but {describe_error(error).split(' CUDA kernel errors')[0]}"
            yield Finding("devices", name, PROBLEM, text, "python -m torch.utils.collect_env")
        else:
            yield Finding("devices", name, OK, text)
    if not available and DRIVER.exists():
        cuda = torch.version.cuda or "no CUDA"
        text = f"there is a driver, but torch, built for {cuda}, finds no GPU"
        yield Finding("devices", "cuda", WARNING, text, "python -m torch.utils.collect_env")
    elif not available:
        yield Finding("devices", "cuda", OK, "no GPU; everything runs on the CPU")


def look_at_kernels() -> Iterator[Finding]:
    """Check which kernel `auto` or the environment selects for each operation, and the Triton interpreter."""
    import torch

    from attnforge.compute.device import choose_device
    from attnforge.kernels import gpu
    from attnforge.kernels.dispatch import AUTO, VARIABLE, find, named_outside
    from attnforge.kernels.listing import rows_of
    from attnforge.kernels.operations import operations
    from attnforge.values import Situation

    device = choose_device("auto")
    for operation in operations():
        selected = named_outside(operation.name)
        if selected != AUTO:
            find(operation.name, operation.kernels, selected)
            text = f"{VARIABLE}={os.environ[VARIABLE]} selects `{selected}`"
            yield Finding("kernels", operation.name, WARNING, text, f"unset {VARIABLE}")
            continue
        situation = Situation(device=device, dtype=torch.float32, sizes=operation.sizes, gradient=True)
        rows = rows_of(operation, situation)
        automatic = next((row for row in rows if row["state"] == "auto"), None)
        if automatic is None:
            yield Finding("kernels", operation.name, PROBLEM, f"none runs on {device}", "attnforge kernels")
        else:
            text = f"{automatic['kernel']} on {device}: {automatic['summary']}"
            yield Finding("kernels", operation.name, OK, text)
    if gpu.INTERPRETER_FAULT is not None:
        yield Finding("kernels", "interpreter", WARNING, gpu.INTERPRETER_FAULT, 'pip install "numpy<2.4"')
