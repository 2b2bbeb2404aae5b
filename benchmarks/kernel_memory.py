"""Memory of a provider: what it keeps for its backward pass, and the most that it holds at a time.

On a processor everything that torch allocates is counted, as its profiler reports it; room that libraries
take for themselves is not. On a GPU torch's own count is read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from kernel_cases import Inputs
from kernel_clocks import gradients_of
from kernel_providers import Run
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """In megabytes, of a million bytes."""

    kept: float
    """Held between the passes for the backward pass, inputs included."""
    kept_beside_inputs: float
    """Held that was not there before."""
    peak: float
    """The most that was held at a time beside the inputs, results and gradients included."""


def training_memory(run: Run, inputs: Inputs) -> Memory:
    """Of a forward and a backward pass."""
    kept, beside = kept_for_backward(run, inputs)

    def train() -> None:
        gradients_of(run(inputs), inputs)

    return Memory(kept, beside, peak_of(train, inputs.asked.device))


def inference_peak(run: Run, inputs: Inputs) -> float:
    """The most that a forward pass holds which no backward pass follows, in megabytes."""

    def infer() -> None:
        with torch.no_grad():
            run(inputs.detached())

    return peak_of(infer, inputs.asked.device)


def kept_for_backward(run: Run, inputs: Inputs) -> tuple[float, float]:
    """Megabytes that autograd keeps, each piece of memory once: all, and without the inputs."""
    own = {one.untyped_storage().data_ptr() for one in (*inputs.leaves, inputs.lengths, inputs.padding)}
    held: dict[int, int] = {}

    def note(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return value

    # The result is held on to, so that no piece of memory is given out twice.
    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        result = run(inputs)
    every = sum(held.values())
    beside = sum(size for place, size in held.items() if place not in own)
    del result
    return every / MEGA, beside / MEGA


def peak_of(work: Callable[[], None], device: torch.device) -> float:
    """The most megabytes that are held at a time while something is done, beside what was before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        torch.cuda.synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - before) / MEGA
    logging.getLogger("torch.profiler").setLevel(logging.ERROR)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiled:
        work()
    held = peak = 0
    for event in _allocations(profiled):
        held += event
        peak = max(peak, held)
    return peak / MEGA


def _allocations(profiled: profile) -> list[int]:
    """Bytes that a processor's memory grew (or, below zero, shrank) by, in their order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    memory = [event for event in events if event.get("name") == "[memory]"]
    own = [event["args"] for event in memory if event["args"]["Device Type"] == 0]
    return [one["Bytes"] for one in sorted(own, key=lambda one: int(one["Ev Idx"]))]
