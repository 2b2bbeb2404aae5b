"""Launch configurations of the Triton programs of region matching, from `launch_table`."""

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
"""The environment variable that makes Triton time all launches of the table and keep the fastest, if 1."""

PROGRAMS: dict[Program, Any] = {
    "score": programs.score,
    "slopes": gradient_programs.slopes,
    "learn_regions": gradient_programs.learn_regions,
    "learn_words": gradient_programs.learn_words,
}
ACCUMULATED: dict[Program, list[str]] = {"learn_regions": ["learnt"], "learn_words": ["learnt"]}
"""Arguments that a program adds to, which autotuning restores."""


def launch_for(program: Program, *, generation: int, kind: Kind, width: int, words: int) -> Launch:
    """The table's launch; later generations use that of the latest known.

    Args:
        program: Which program.
        generation: The first number of the GPU's compute capability.
        kind: How factors are multiplied.
        width: Size of a vector, a power of two.
        words: Maximum length of captions of the bucket.
    """
    of_buckets = LAUNCHES[program, min(generation, 9), kind][max(width, 64)]
    return of_buckets[sizes_for(words).index(words)]


def width_of(width: int) -> int:
    """The padded size of a vector: the next power of two, but at least the minimum of tensor cores."""
    return max(32, int(triton.next_power_of_2(width)))


def constants_of(
    program: Program, launch: Launch, *, kind: Kind, width: int, words: int
) -> dict[str, int | str]:
    """Constants for the program.

    Args:
        program: Which program.
        launch: The launch.
        kind: How factors are multiplied.
        width: Size of a vector, a power of two.
        words: Maximum length of captions of the bucket.
    """
    precision = "ieee" if kind == "float32" else "tf32"
    constants: dict[str, int | str] = {"TILE": launch.tile, "WORDS": words, "PRECISION": precision}
    if program != "learn_words":
        constants["ROWS"] = max(launch.rows, words)
    if program in ACCUMULATED:
        constants["PART"] = min(launch.part, width)
    return constants


def prepared(
    program: Program, regions: Tensor, *, width: int, words: int, kind: Kind
) -> tuple[Any, dict[str, Any]]:
    """A program and the constants to launch it with.

    Args:
        program: Which program.
        regions: A tensor on the device.
        width: Size of a vector.
        words: Maximum length of captions of the bucket.
        kind: How factors are multiplied.
    """
    padded = width_of(width)
    constants: dict[str, Any] = {
        "WIDTH": padded,
        "WIDE": gpu.interpreted(),
        "enable_fp_fusion": True,
    }
    if os.environ.get(TUNE) == "1":
        return tuned(program, kind, padded, words), constants
    generation = torch.cuda.get_device_capability(regions.device)[0] if regions.is_cuda else 9
    launch = launch_for(program, generation=generation, kind=kind, width=padded, words=words)
    return PROGRAMS[program], (
        constants | constants_of(program, launch, kind=kind, width=padded, words=words) | launch.options()
    )


@cache
def tuned(program: Program, kind: Kind, width: int, words: int) -> Any:
    """The program, autotuned per size over the launches of the table; Triton caches the result on disk."""
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
    restored = ACCUMULATED.get(program)
    tune = triton.autotune(configurations, key=key, restore_value=restored, cache_results=True)
    return tune(PROGRAMS[program])
