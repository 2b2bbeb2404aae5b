"""Compiles the programs of word attention, as they are launched, for GPUs that are not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from attnforge.kernels.compiling import Compiled, compile_for
from attnforge.kernels.word_attention import launches, programs

NUMBERS = {"bfloat16": "*bf16", "float16": "*fp16", "float32": "*fp32"}
MAPS = ("features", "words", "context", "weights", "gradient", "weights_gradient", "features_gradient")
MAPS_SUMMED = ("words_gradient",)


def compiled(
    program: launches.Program,
    capability: int,
    number: str,
    *,
    channels: int,
    words: int,
    last: bool,
    flat: bool = True,
    weights: bool = True,
) -> Compiled:
    """A program as it is launched for maps of a layout: channels last or first, or (not flat) sliced."""
    kernel = getattr(programs, program)
    half = number != "float32"
    block = launches.block_of(program, half=half, channels=channels, words=words)
    launch = launches.launch_for(
        program,
        generation=capability // 10,
        half=half,
        channels=block["CHANNELS"],
        words=block["WORDS"],
    )
    types = dict.fromkeys(kernel.arg_names, "i32")
    types |= dict.fromkeys(MAPS, NUMBERS[number]) | dict.fromkeys(MAPS_SUMMED, "*fp32")
    types["padding"] = "*i1"
    constants: dict[str, object] = {"FLAT": flat, "JOIN": True, "WIDE": False} | block
    constants |= launches.constants_of(program, launch)
    constants["GIVE_WEIGHTS" if program == "attend" else "OF_WEIGHTS"] = weights
    steps = ("feature", "context", "gradient", "target")
    # A stride of one is a constant, and those over whole rows or maps are divisible by 16.
    single = [f"{one}_channel" for one in steps] if last else [f"{one}_column" for one in steps]
    single += ["padding_word", "word_word"] + ([] if last else ["context_pixel", "target_pixel"])
    single = [name for name in single if name in kernel.arg_names]
    constants |= {name: 1 for name in single if flat or not name.endswith("_column")}
    wide = [*MAPS, *MAPS_SUMMED, "pixels", "channels", "feature_sample", "gradient_sample", "context_sample"]
    wide += [f"{one}_channel" for one in steps] + ["target_sample"]
    aligned = [name for name in wide if name in kernel.arg_names and name not in constants]
    return compile_for(
        capability,
        kernel,
        types=types,
        constants=constants,
        divisible=aligned,
        warps=launch.warps,
        stages=launch.stages,
    )


def some() -> Iterator[tuple[str, Compiled]]:
    """The widest model of the paper, each GPU with one type of numbers, with all options on."""
    for program, (capability, number) in product(("attend", "learn"), ((80, "float32"), (90, "bfloat16"))):
        one = compiled(program, capability, number, channels=48, words=18, last=number == "bfloat16")
        yield f"{program} sm_{capability} {number}", one


def every() -> Iterator[tuple[str, Compiled]]:
    """Every launch of the table, for every layout."""
    for (program, generation, half), table in launches.LAUNCHES.items():
        for channels, words in table:
            for number in ("bfloat16", "float16") if half else ("float32",):
                for last, flat, weights in (
                    (True, True, True),
                    (False, True, True),
                    (False, True, False),
                    (False, False, True),
                ):
                    one = compiled(
                        program,
                        generation * 10,
                        number,
                        channels=channels,
                        words=words,
                        last=last,
                        flat=flat,
                        weights=weights,
                    )
                    yield (
                        f"{program} sm_{generation}0 {number} {channels} {words} {last} {flat} {weights}",
                        one,
                    )
