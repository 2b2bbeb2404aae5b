"""How long an operation must take at least on a device, by its operations and its bytes.

Operations are those of the products of matrices alone, a multiplication and an addition counting as two. A
backward pass is counted without computing anything again, so that a kernel which does is not flattered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from kernel_cases import MATCHING, Case
from kernel_clocks import event

MODES = ("inference", "forward", "backward", "both")
TF32 = "tf32"
REPEATS = 7
FEWEST_WORDS, TILE_REGIONS = 16, 64
"""GPU programs make room for powers of two of words, from here on, and for whole tiles of regions."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """What a device was measured to reach, in the same run."""

    operations: float
    """A second, in a large product of matrices of the type of numbers."""
    bytes: float
    """A second, read and written by a large copy."""


PeaksOf = Callable[[str], Peaks]
"""The peaks by the type of the factors of products."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an operation has to do in a mode."""

    operations: float
    padded_operations: float
    """With words and regions padded as in GPU programs."""
    bytes: float
    """Inputs read once and results written once."""

    def seconds(self, peaks: Peaks, *, padded: bool = False) -> float:
        """The least time: that of operations or bytes, whichever is longer."""
        operations = self.padded_operations if padded else self.operations
        return max(operations / peaks.operations, self.bytes / peaks.bytes)

    def bound(self, peaks: Peaks) -> str:
        """Which of the two it is."""
        return "operations" if self.operations / peaks.operations > self.bytes / peaks.bytes else "bytes"


def work_of(case: Case, mode: str, lengths: list[int]) -> Work:
    """What a case has to do.

    Args:
        case: The operation with its sizes.
        mode: One of MODES.
        lengths: Words of each caption.
    """
    size = case.dtype.itemsize
    if case.operation == MATCHING:
        # two products forward, two for each of them backward
        products = {"inference": 2, "forward": 2, "backward": 4, "both": 6}[mode]
        one = 2 * case.batch * case.width
        useful = one * sum(lengths) * case.queries
        tiles = -(-case.queries // TILE_REGIONS)
        padded = one * sum(map(_room, lengths)) * tiles * TILE_REGIONS
        inputs = case.batch * case.width * (case.queries + case.words) * size
        passes = {"inference": 1, "forward": 1, "backward": 2, "both": 3}[mode]
        scores = case.batch**2 * 4
        return Work(products * useful, products * padded, passes * (inputs + scores))
    products = {"inference": 2, "forward": 2, "backward": 4, "both": 6}[mode]
    one = 2 * case.queries * case.width
    useful = one * sum(lengths)
    padded = one * sum(map(_room, lengths))
    maps = {"inference": 2, "forward": 2, "backward": 3, "both": 5}[mode]
    if case.joined:
        maps += {"inference": 1, "forward": 1, "backward": 1, "both": 2}[mode]
    map_size = case.batch * case.queries * case.width * size
    return Work(products * useful, products * padded, maps * map_size)


def measure_peaks(device: torch.device, products: str, *, seconds: float = 0.5) -> Peaks:
    """The best of several products of matrices, and of several copies.

    Args:
        device: Where.
        products: The type of the factors, or `tf32`.
        seconds: About how long one product or copy on a processor may take; small in tests.
    """
    side = 8192 if device.type == "cuda" else int(min(2048, 4096 * seconds))
    size = 2**30 if device.type == "cuda" else int(2**29 * seconds)
    dtype = torch.float32 if products == TF32 else getattr(torch, products)
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    result = torch.empty_like(left)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if products == TF32 else "highest")
    product = _quickest(lambda: torch.mm(left, right, out=result), device)
    torch.set_float32_matmul_precision(before)
    source = torch.ones(size, dtype=torch.int8, device=device)
    target = torch.ones_like(source)
    copy = _quickest(lambda: target.copy_(source), device)
    return Peaks(2 * side**3 / product, 2 * size / copy)


def _quickest(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of a few repetitions: GPU time, wall time, or processor time of one thread."""
    taken: list[float] = []
    for _ in range(REPEATS + 1):
        if device.type == "cuda":
            begin, end = event(), event()
            begin.record()
            work()
            end.record()
            torch.cuda.synchronize(device)
            taken.append(1e-3 * float(begin.elapsed_time(end)))
        else:
            clock = time.perf_counter if torch.get_num_threads() > 1 else time.process_time
            begun = clock()
            work()
            taken.append(clock() - begun)
    return min(taken[1:])


def _room(words: int) -> int:
    return max(FEWEST_WORDS, 1 << (words - 1).bit_length())
