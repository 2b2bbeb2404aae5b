"""With which blocks and warps the Triton programs of word attention are launched.

The table was made by compiling for sm_80 and sm_90: of the shapes tried, from many pixels to few, each entry
is the first whose numbers all stay in registers, whatever the layout and with every option on. No launch was
timed.
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
"""The environment variable that with 1 lets Triton time all launches of the table and keep the fastest."""

SPAN = 512
"""Pixels that a backward program goes through, block after block. It depends on no other size, so that the
gradient of a caption's words does not depend on its batch mates."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A shape of a launch."""

    pixels: int
    """Rows of a block."""
    warps: int


SMALLEST = Launch(16, 4)
"""For what the table lacks."""

LAUNCHES: dict[tuple[Program, int, bool, int, int], Launch] = {}
"""By program, generation of the GPU (8 or 9), whether numbers are halves, channels and words."""


def launch_for(program: Program, *, generation: int, half: bool, channels: int, words: int) -> Launch:
    """The table's launch; later generations take that of the latest known.

    Args:
        program: Which program.
        generation: The first number of the GPU's compute capability.
        half: Whether numbers have 16 bits.
        channels: Channels of a block, a power of two.
        words: Words of a block, a power of two.
    """
    return LAUNCHES.get((program, min(generation, 9), half, channels, words), SMALLEST)


def block(features: Tensor, longest: int, program: Program) -> dict[str, Any]:
    """The constants of a program but for its launch: a block's channels and words are powers of two."""
    half = features.element_size() == 2
    # A tensor core of an H100 takes 64 rows, which channels are where the words' gradient is summed.
    least = 64 if program == "learn" and half else 16
    return {
        "CHANNELS": max(least, triton.next_power_of_2(features.shape[1])),
        "WORDS": max(16, triton.next_power_of_2(longest)),
        "PRECISION": "tf32x3",
        "WIDE": gpu.interpreted(),
        **({"SPAN": SPAN} if program == "learn" else {}),
    }


def prepared(program: Program, features: Tensor, longest: int) -> tuple[Any, dict[str, Any]]:
    """A program and the constants to launch it with."""
    constants = block(features, longest, program) | {"enable_fp_fusion": True}
    if os.environ.get(TUNE) == "1":
        return tuned(program), constants
    generation = torch.cuda.get_device_capability(features.device)[0] if features.is_cuda else 9
    launch = launch_for(
        program,
        generation=generation,
        half=features.element_size() == 2,
        channels=constants["CHANNELS"],
        words=constants["WORDS"],
    )
    constants |= {"PIXELS": launch.pixels, "num_warps": launch.warps}
    return getattr(programs, program), constants


@cache
def tuned(program: Program) -> Any:
    """The program, timed with every launch of the table once a size; Triton keeps what it found on disk."""
    known = sorted({launch for (name, *_), launch in LAUNCHES.items() if name == program}, key=repr)
    configurations = [triton.Config({"PIXELS": launch.pixels}, num_warps=launch.warps) for launch in known]
    key = ["pixels", "CHANNELS", "WORDS", "JOIN", "FLAT"]
    return triton.autotune(configurations, key=key, cache_results=True)(getattr(programs, program))
