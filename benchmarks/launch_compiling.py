"""Compile many launches of Triton programs in parallel, on a GPU's machine or without one."""

from __future__ import annotations

import importlib
import os
import time
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import active_children, get_context
from typing import Any

import torch
from launch_recording import Call


def compile_all(
    calls: dict[str, Call],
    shapes: dict[str, list[dict[str, Any]]],
    deadline: float,
    *,
    processes: int | None,
    offline: bool = False,
) -> set[tuple[str, int]]:
    """Compile every shape in other processes, which share Triton's cache on disk; gives the finished ones.

    Args:
        calls: A launch of each group.
        shapes: The shapes of each group.
        deadline: The time, as `time.monotonic` tells it, after which no more are waited for.
        processes: How many; as many as there are cores, but for two, when not given.
        offline: Compile for compute capability 9.0 without a GPU.
    """
    count = min(sum(map(len, shapes.values())), processes or max(1, (os.cpu_count() or 1) - 2))
    context = get_context("spawn")
    pool = ProcessPoolExecutor(count, context, stand_in_for_a_gpu if offline else None)
    # group after group, as they will be timed: what is not ready in time is of the last ones
    waiting = {
        pool.submit(compile_one, *portable(calls[label], options)): (label, number)
        for label, of_group in shapes.items()
        for number, options in enumerate(of_group)
    }
    finished, late = wait(waiting, timeout=max(1.0, deadline - time.monotonic()))
    for future in late:
        future.cancel()
    pool.shutdown(wait=False, cancel_futures=True)
    for process in active_children():
        process.terminate()  # a compiler that is still at work would hold up the end
    errors = [error for future in finished if (error := future.exception()) is not None]
    print(f"{len(finished)} shapes compiled, {len(errors)} refused, {len(late)} not in time", flush=True)
    if errors:
        print(f"the last refused: {errors[-1]}"[:300], flush=True)
    return {waiting[future] for future in finished if future.exception() is None}


class StandIn:
    """What Triton asks its driver for before it compiles, of an H100 that is not there."""

    def get_current_device(self) -> int:
        """The first."""
        return 0

    def get_current_stream(self, device: int) -> int:
        """The default one."""
        return 0

    def get_current_target(self) -> Any:
        """Compute capability 9.0."""
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)


def stand_in_for_a_gpu() -> None:
    """Let Triton compile in this process as if there was a GPU."""
    import triton

    triton.runtime.driver.set_active(StandIn())


def portable(call: Call, options: dict[str, Any]) -> tuple[str, str, list[Any], dict[str, Any]]:
    """A launch that another process can compile: tensors become their types."""
    function = call.program.fn
    arguments = [one.dtype if isinstance(one, torch.Tensor) else one for one in call.arguments]
    return function.__module__, function.__name__, arguments, call.constants | options


def compile_one(module: str, name: str, arguments: list[Any], constants: dict[str, Any]) -> None:
    """Compile a launch into Triton's cache."""
    getattr(importlib.import_module(module), name).warmup(*arguments, grid=(1,), **constants)
