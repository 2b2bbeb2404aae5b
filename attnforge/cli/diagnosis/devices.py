"""Devices that can compute, and the kernels that would run on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attnforge.cli.diagnosis.finding import OK, PROBLEM, WARNING, Finding, size
from attnforge.plugin.declared import describe_error
from attnforge.run.environment import gpus, processor

DRIVER = Path("/proc/driver/nvidia/version")


def look() -> Iterator[Finding]:
    """The processor and each GPU, tried with a small computation."""
    import torch

    one = processor()
    memory = f", {size(one.memory_bytes)} of memory" if one.memory_bytes else ""
    text = f"{one.name}, {one.cores} cores, {torch.get_num_threads()} threads of torch{memory}"
    yield Finding("devices", "cpu", OK, text)
    for gpu in (found := gpus()):
        text = f"{gpu.name}, {size(gpu.memory_bytes)} of memory, compute capability {gpu.capability}"
        name = f"cuda:{gpu.index}"
        try:
            torch.ones(8, device=name).sum().item()
        except RuntimeError as error:
            text = f"{text}, but {describe_error(error).split(' CUDA kernel errors')[0]}"
            yield Finding("devices", name, PROBLEM, text, "python -m torch.utils.collect_env")
        else:
            yield Finding("devices", name, OK, text)
    if not found and DRIVER.exists():
        built = torch.version.cuda or "no CUDA"
        text = f"there is a driver, but torch, built for {built}, finds no GPU"
        yield Finding("devices", "cuda", WARNING, text, "python -m torch.utils.collect_env")
    elif not found:
        yield Finding("devices", "cuda", OK, "no GPU; everything runs on the processor")


def look_at_kernels() -> Iterator[Finding]:
    """The kernel that `auto` takes for each operation, or the environment, and what keeps the interpreter."""
    import torch

    from attnforge.cli.kernels import rows_of
    from attnforge.kernels import gpu
    from attnforge.kernels.dispatch import AUTO, VARIABLE, find, named_outside
    from attnforge.kernels.operations import operations
    from attnforge.train.device import choose_device
    from attnforge.values import Situation

    device = choose_device("auto")
    for operation in operations():
        named = named_outside(operation.name)
        if named != AUTO:
            find(operation.name, operation.kernels, named)
            text = f"{VARIABLE}={os.environ[VARIABLE]} names `{named}`"
            yield Finding("kernels", operation.name, WARNING, text, f"unset {VARIABLE}")
            continue
        situation = Situation(device=device, dtype=torch.float32, sizes=operation.sizes, gradient=True)
        rows = rows_of(operation, situation)
        taken = next((row for row in rows if row["state"] == "auto"), None)
        if taken is None:
            yield Finding("kernels", operation.name, PROBLEM, f"none runs on {device}", "attnforge kernels")
        else:
            text = f"{taken['kernel']} on {device}: {taken['summary']}"
            yield Finding("kernels", operation.name, OK, text)
    if gpu.INTERPRETER_FAULT is not None:
        yield Finding("kernels", "interpreter", WARNING, gpu.INTERPRETER_FAULT, 'pip install "numpy<2.4"')
