"""Launch configurations (blocks and warps) of the Triton programs of word attention.

For sm_90, entries of up to 64 channels and 32 words are within 10% of the fastest on an H200 with 16,384
pixels and 18 words (Triton 3.6; benchmarks/results/nvidia-h200/launches.csv); those of 16 words are the same,
untimed. All others were chosen by compiling and not timed: each is the largest tried block that spills no
registers, channels last or first, with weights and joined.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
import triton
from torch import Tensor

from attnforge.kernels import gpu
from attnforge.kernels.word_attention import programs

Program = Literal["attend", "learn"]
"""The forward and the backward program."""

TUNE = "ATTNFORGE_TUNE"
"""The environment variable that makes Triton time all launches of the table and keep the fastest, if 1."""

SPAN = 512
"""Pixels that a backward program processes, block after block. It is constant, so that the gradient of a
caption's words does not depend on the rest of the batch."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch configuration."""

    pixels: int
    """Rows per block."""
    warps: int
    precision: Literal["tf32x3", "ieee"] = "tf32x3"
    """How float32 is multiplied: in three products on tensor cores, or in one on CUDA cores."""
    stages: int = 1
    """Pipeline stages of the loop."""
    blocks: int = 1
    """Blocks that a forward program processes."""

    def options(self) -> dict[str, int]:
        """Options for Triton, not for the program."""
        return {"num_warps": self.warps, "num_stages": self.stages}


SMALLEST = Launch(16, 8, "ieee")
"""The default for sizes that the table lacks; it may spill registers."""

STREAMED = Launch(64, 4, stages=3, blocks=8)
"""Loads the next blocks while one is computed."""

LAUNCHES: dict[tuple[Program, int, bool], dict[tuple[int, int], Launch]] = {
    ("attend", 8, True): {
        (32, 16): Launch(128, 4), (64, 16): Launch(128, 8), (128, 16): Launch(64, 8),
        (32, 32): Launch(128, 4), (64, 32): Launch(128, 8), (128, 32): Launch(64, 8),
    },
    ("attend", 8, False): {
        (32, 16): Launch(128, 4), (64, 16): Launch(64, 4), (128, 16): Launch(32, 8),
        (32, 32): Launch(128, 8), (64, 32): Launch(32, 4), (128, 32): Launch(32, 8),
    },
    ("attend", 9, True): {
        (32, 16): STREAMED, (64, 16): STREAMED, (128, 16): Launch(128, 8),
        (32, 32): STREAMED, (64, 32): STREAMED, (128, 32): Launch(64, 8),
    },
    ("attend", 9, False): {
        (32, 16): STREAMED, (64, 16): STREAMED, (128, 16): Launch(16, 8),
        (32, 32): STREAMED, (64, 32): STREAMED, (128, 32): Launch(16, 4),
    },
    ("learn", 8, True): {
        (64, 16): Launch(64, 8, stages=2), (128, 16): Launch(32, 8, stages=2),
        (64, 32): Launch(64, 8, stages=2), (128, 32): Launch(16, 4, stages=2),
    },
    ("learn", 8, False): {
        (32, 16): Launch(64, 8), (64, 16): Launch(32, 8), (128, 16): Launch(16, 8, "ieee"),
        (32, 32): Launch(32, 4), (64, 32): Launch(16, 8, "ieee"),
    },
    ("learn", 9, True): {
        (64, 16): Launch(64, 4, stages=2), (128, 16): Launch(32, 8, stages=2),
        (64, 32): Launch(64, 4, stages=2), (128, 32): Launch(32, 8, stages=2),
    },
    ("learn", 9, False): {
        (32, 16): Launch(64, 4), (64, 16): Launch(64, 4), (128, 16): Launch(32, 8, "ieee"),
        (32, 32): Launch(64, 4), (64, 32): Launch(64, 4),
    },
}  # fmt: skip
"""By program, generation of the GPU (8 or 9) and whether types have 16 bits; then by channels and words."""


def launch_for(program: Program, *, generation: int, half: bool, channels: int, words: int) -> Launch:
    """The table's launch; later generations use that of the latest known.

    Args:
        program: Which program.
        generation: The first number of the GPU's compute capability.
        half: Whether the type has 16 bits.
        channels: Channels of a block, a power of two.
        words: Words of a block, a power of two.
    """
    table = LAUNCHES[program, min(generation, 9), half]
    return table.get((max(channels, 32), words), SMALLEST)


def block_of(program: Program, *, half: bool, channels: int, words: int) -> dict[str, int]:
    """Channels and words of a block: the next power of two, but at least the minimum of tensor cores."""
    # Tensor cores of an H100 take 64 rows, and channels are the rows where the gradient of words is summed.
    least = 64 if program == "learn" and half else 16
    return {
        "CHANNELS": max(least, triton.next_power_of_2(channels)),
        "WORDS": max(16, triton.next_power_of_2(words)),
    }


def constants_of(program: Program, launch: Launch) -> dict[str, Any]:
    """Constants for the program."""
    span = SPAN if program == "learn" else launch.pixels * launch.blocks
    return {"PIXELS": launch.pixels, "SPAN": span, "PRECISION": launch.precision}


def prepared(program: Program, features: Tensor, longest: int) -> tuple[Any, dict[str, Any]]:
    """A program and the constants to launch it with."""
    half = features.element_size() == 2
    block = block_of(program, half=half, channels=features.shape[1], words=longest)
    constants = block | {"WIDE": gpu.interpreted(), "enable_fp_fusion": True}
    if os.environ.get(TUNE) == "1":
        return tuned(program, half), constants
    generation = torch.cuda.get_device_capability(features.device)[0] if features.is_cuda else 9
    launch = launch_for(
        program, generation=generation, half=half, channels=block["CHANNELS"], words=block["WORDS"]
    )
    constants |= constants_of(program, launch) | launch.options()
    return getattr(programs, program), constants


@cache
def tuned(program: Program, half: bool) -> Any:
    """The program, autotuned per size over the launches of the table; Triton caches the result on disk."""
    known = {
        launch
        for (name, _, halves), table in LAUNCHES.items()
        if name == program and halves == half
        for launch in table.values()
    }
    configurations = [
        triton.Config(constants_of(program, launch), **launch.options()) for launch in sorted(known, key=repr)
    ]
    key = ["pixels", "CHANNELS", "WORDS", "JOIN", "FLAT"]
    return triton.autotune(configurations, key=key, cache_results=True)(getattr(programs, program))
