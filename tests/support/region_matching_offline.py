"""Compiles the programs of region matching, as they are launched, for GPUs that are not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import get_args

from attnforge.kernels.compiling import Compiled, compile_for
from attnforge.kernels.region_matching import launch_table, launches
from attnforge.kernels.region_matching.factors import Kind

NUMBERS = {"bfloat16": "*bf16", "float16": "*fp16", "float32": "*fp32"}
FACTORS = ("words", "regions", "pulls")
"""What is in the type of factors."""
SUMS = ("bases", "scores", "gradient", "factors", "largest", "scale", "learnt")
"""What is float32 always."""
LISTS = ("lengths", "captions", "bounds", "images", "counts")
FLOATS = ("sharpness", "gamma1", "gamma2")


def compiled(
    program: launch_table.Program,
    capability: int,
    kind: Kind,
    number: str,
    *,
    width: int,
    words: int,
) -> Compiled:
    """A program as it is launched for vectors of a width, which 16 divides, and a bucket."""
    kernel = launches.PROGRAMS[program]
    room = launches.width_of(width)
    launch = launches.launch_for(program, generation=capability // 10, kind=kind, width=room, words=words)
    types = dict.fromkeys(kernel.arg_names, "i32")
    types |= dict.fromkeys(FACTORS, NUMBERS[number]) | dict.fromkeys(SUMS, "*fp32")
    types |= dict.fromkeys(LISTS, "*i32") | dict.fromkeys(FLOATS, "fp32")
    constants: dict[str, object] = {"WIDTH": room, "WIDE": False}
    constants |= launches.constants_of(program, launch, kind=kind, width=room, words=words)
    aligned = [name for name in kernel.arg_names if types[name].startswith("*") and name not in constants]
    return compile_for(
        capability,
        kernel,
        types={name: types[name] for name in kernel.arg_names},
        constants=constants,
        divisible=[*aligned, "width"],
        warps=launch.warps,
        stages=launch.stages,
    )


def some() -> Iterator[tuple[str, Compiled]]:
    """The width of the paper, and the narrowest, with captions of up to 16 words."""
    for program in get_args(launch_table.Program):
        yield f"{program} sm_90 half", compiled(program, 90, "half", "bfloat16", width=256, words=16)
    yield "learn_words sm_80 float32", compiled("learn_words", 80, "float32", "float32", width=256, words=16)
    yield "slopes sm_80 narrow", compiled("slopes", 80, "half", "float16", width=32, words=16)


def every() -> Iterator[tuple[str, Compiled]]:
    """Every launch of the table."""
    for (program, generation, kind), table in launch_table.LAUNCHES.items():
        for width, words in product(table, (16, 32, 64)):
            for number in ("bfloat16", "float16") if kind == "half" else ("float32",):
                one = compiled(program, generation * 10, kind, number, width=width, words=words)
                yield f"{program} sm_{generation}0 {kind} {number} {width} {words}", one
