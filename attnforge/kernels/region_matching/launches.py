"""With which blocks and warps the Triton programs of region matching are launched.

`launch_table` has the shapes. No launch was timed.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import torch
import triton
from torch import Tensor

from attnforge.kernels import gpu
from attnforge.kernels.region_matching import gradient_programs, programs
from attnforge.kernels.region_matching.buckets import sizes_for
from attnforge.kernels.region_matching.factors import Kind
from attnforge.kernels.region_matching.launch_table import LAUNCHES, Launch, Program

TUNE = "ATTNFORGE_TUNE"
"""The environment variable that with 1 lets Triton time all launches of the table and keep the fastest."""

PROGRAMS: dict[Program, Any] = {
    "score": programs.score,
    "slopes": gradient_programs.slopes,
    "learn_regions": gradient_programs.learn_regions,
    "learn_words": gradient_programs.learn_words,
}
ADDED_TO: dict[Program, list[str]] = {"learn_regions": ["learnt"], "learn_words": ["learnt"]}
"""What a program adds to, which timing it must not change."""


def launch_for(program: Program, *, generation: int, kind: Kind, width: int, words: int) -> Launch:
    """The table's launch; later generations take that of the latest known.

    Args:
        program: Which program.
        generation: The first number of the GPU's compute capability.
        kind: How numbers are multiplied.
        width: Numbers of a vector, a power of two.
        words: Words of a caption of the bucket.
    """
    of_buckets = LAUNCHES[program, min(generation, 9), kind][max(width, 64)]
    return of_buckets[sizes_for(words).index(words)]


def width_of(width: int) -> int:
    """The room for a vector: the next power of two, and what tensor cores take at least."""
    return max(32, int(triton.next_power_of_2(width)))


def constants_of(
    program: Program, launch: Launch, *, kind: Kind, width: int, words: int
) -> dict[str, int | str]:
    """What a launch says to the program itself.

    Args:
        program: Which program.
        launch: The launch.
        kind: How numbers are multiplied.
        width: Numbers of a vector, a power of two.
        words: Words of a caption of the bucket.
    """
    precision = launch.precision if kind == "float32" else "tf32"
    constants: dict[str, int | str] = {"TILE": launch.tile, "WORDS": words, "PRECISION": precision}
    if program != "learn_words":
        constants["ROWS"] = max(launch.rows, words)
    if program in ADDED_TO:
        constants["PART"] = min(launch.part, width)
    return constants


def prepared(
    program: Program, regions: Tensor, *, width: int, words: int, kind: Kind
) -> tuple[Any, dict[str, Any]]:
    """A program and the constants to launch it with.

    Args:
        program: Which program.
        regions: A tensor on the device.
        width: Numbers of a vector.
        words: Words of a caption of the bucket.
        kind: How numbers are multiplied.
    """
    room = width_of(width)
    constants: dict[str, Any] = {
        "WIDTH": room,
        "WIDE": gpu.interpreted(),
        "enable_fp_fusion": True,
    }
    if os.environ.get(TUNE) == "1":
        return tuned(program, kind, room, words), constants
    generation = torch.cuda.get_device_capability(regions.device)[0] if regions.is_cuda else 9
    launch = launch_for(program, generation=generation, kind=kind, width=room, words=words)
    return PROGRAMS[program], (
        constants | constants_of(program, launch, kind=kind, width=room, words=words) | launch.options()
    )


@cache
def tuned(program: Program, kind: Kind, width: int, words: int) -> Any:
    """The program, timed once a size with every launch of the table; Triton keeps what it found on disk."""
    known = {
        launch
        for (name, _, numbers), table in LAUNCHES.items()
        if name == program and numbers == kind
        for of_buckets in table.values()
        for launch in of_buckets
    }
    configurations = [
        triton.Config(constants_of(program, launch, kind=kind, width=width, words=words), **launch.options())
        for launch in sorted(known, key=repr)
    ]
    key = ["batch", "count", "WIDTH"]
    restored = ADDED_TO.get(program)
    tune = triton.autotune(configurations, key=key, restore_value=restored, cache_results=True)
    return tune(PROGRAMS[program])
