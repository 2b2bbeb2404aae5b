"""Measure one provider of a step: time, memory, kernels, launches, synchronisations and a trace."""

from __future__ import annotations

import gzip
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

import torch
from kernel_clocks import event
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from attnforge.compute.graphs import SYNCHRONIZATION_WARNING

WARM_UP = 6
"""Steps before the first that counts; those that record a graph are among them."""
FEWEST = 3
TRITON = ("attend", "learn", "score", "slopes", "learn_regions", "learn_words")
"""Attnforge's own kernels."""
LAUNCHES = ("LaunchKernel", "GraphLaunch", "MemcpyAsync", "MemsetAsync")
LARGEST_TRACE = 8 * 2**20
"""Bytes of a trace that is kept."""

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of steps."""

    clock: str
    steps: int
    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Profiled:
    """What the profiler saw of one step."""

    kernels: int
    launches: int
    busy_milliseconds: float
    triton_share: float


def times_of(step: Step, device: torch.device, *, steps: int, seconds: float) -> Times:
    """How long consecutive steps take, without synchronisation between them.

    Args:
        step: Makes one.
        device: Where.
        steps: How many at most.
        seconds: After how long no further one is begun; a few are made in any case.
    """
    begun = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        marks = [event()]
        marks[0].record()
        while len(marks) <= steps and (len(marks) <= FEWEST or time.perf_counter() - begun < seconds):
            step()
            marks.append(event())
            marks[-1].record()
        torch.cuda.synchronize(device)
        taken = [one.elapsed_time(other) for one, other in pairwise(marks)]
        return _times("device", taken)
    taken = []
    while len(taken) < steps and (len(taken) < FEWEST or time.perf_counter() - begun < seconds):
        before = time.process_time()
        step()
        taken.append(1e3 * (time.process_time() - before))
    return _times("processor", taken)


def flop_of(step: Step) -> float:
    """Operations of the products and convolutions of a step that runs as it stands."""
    with FlopCounterMode(display=False) as counted:
        step()
    return float(counted.get_total_flops())


def waits_of(step: Step) -> int:
    """How often the host waits for the GPU in a step."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    return sum(SYNCHRONIZATION_WARNING in str(one.message) for one in caught)


def profiled(step: Step, device: torch.device, trace: Path) -> Profiled:
    """The operations of one step, after one that only starts the profiler; its trace is written."""
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        with profile(activities=activities):
            step()
            torch.cuda.synchronize(device)
    with profile(activities=activities) as found:
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    trace.parent.mkdir(parents=True, exist_ok=True)
    found.export_chrome_trace(str(trace))
    seen = read_trace(trace)
    if trace.stat().st_size > LARGEST_TRACE:
        trace.unlink()
    return seen


def read_trace(trace: Path) -> Profiled:
    """Kernels and launches of a trace."""
    with gzip.open(trace, "rt") as opened:
        events = json.load(opened)["traceEvents"]
    busy = own = 0.0
    kernels = launches = 0
    for one in events:
        kind, name = one.get("cat", ""), one.get("name", "")
        if kind in {"kernel", "gpu_memcpy", "gpu_memset"}:
            kernels += 1
            busy += one.get("dur", 0.0)
            own += one.get("dur", 0.0) if name in TRITON else 0.0
        elif kind in {"cuda_runtime", "cuda_driver"}:
            launches += any(call in name for call in LAUNCHES)
    return Profiled(kernels, launches, busy / 1e3, own / busy if busy else 0.0)


def peak_convolution(device: torch.device, *, half: bool, small: bool = False) -> float:
    """Operations a second of a large convolution of 3 x 3, channels last."""
    batch, channels, side = (1, 8, 16) if small else (32, 512, 64)
    dtype = torch.bfloat16 if half else torch.float32
    images = torch.randn(batch, channels, side, side, device=device, dtype=dtype)
    weights = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
    images, weights = (one.to(memory_format=torch.channels_last) for one in (images, weights))
    with torch.no_grad():

        def step() -> object:
            return torch.nn.functional.conv2d(images, weights, padding=1)

        for _ in range(3):
            step()
        taken = times_of(step, device, steps=10, seconds=2.0)
    work = 2 * 9 * batch * channels**2 * side**2
    return 1e3 * work / max(taken.low, 1e-6)


def _times(clock: str, taken: list[float]) -> Times:
    low, *_, high = quantiles(taken, n=5) if len(taken) > 1 else taken * 2
    return Times(clock, len(taken), median(taken), low, high)
