"""Launch shapes that are worth timing for each Triton program, and the operation sizes they are timed at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from kernel_cases import ATTENTION, MATCHING, Case

from attnforge.kernels.word_attention.launches import SPAN

KINDS = {"half": torch.bfloat16, "tf32": torch.float32, "float32": torch.float32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One program at one size and type: its candidates compete with one another."""

    program: str
    case: Case
    kind: str
    """How numbers are multiplied; see `attnforge.kernels.region_matching.factors.Kind`."""

    @property
    def label(self) -> str:
        """`score half 256 x 18`: program, kind, width and words."""
        return f"{self.program} {self.kind} {self.case.width} x {self.case.words}"


def groups(device: torch.device, *, small: bool = False) -> list[Group]:
    """All groups, those of the main results first."""
    if small:
        matching = Case(
            operation=MATCHING, device=device, dtype=torch.float32, batch=4, queries=12, width=16, words=5
        )
        attention = Case(
            operation=ATTENTION, device=device, dtype=torch.float32, batch=2, queries=64, width=16, words=5
        )
        return [
            Group(program="score", case=matching, kind="float32"),
            Group(program="attend", case=attention, kind="float32"),
        ]
    matching = Case(
        operation=MATCHING, device=device, dtype=torch.bfloat16, batch=256, queries=289, width=256
    )
    attention = Case(
        operation=ATTENTION, device=device, dtype=torch.bfloat16, batch=16, queries=16384, width=32
    )
    of_matching = [
        Group(program=program, case=matching.of(KINDS[kind]), kind=kind)
        for kind in ("half", "tf32", "float32")
        for program in ("score", "slopes", "learn_regions", "learn_words")
    ]
    of_attention = [
        Group(program=program, case=resized(attention.of(KINDS[kind]), width, words), kind=kind)
        for width, words in ((32, 18), (48, 18))
        for kind in ("half", "float32")
        for program in ("attend", "learn")
    ]
    return [*of_matching[:4], *of_attention[:4], *of_matching[4:], *of_attention[4:]]


def resized(case: Case, width: int, words: int) -> Case:
    """The same case with another width and other captions."""
    return Case(
        operation=case.operation,
        device=case.device,
        dtype=case.dtype,
        batch=case.batch,
        queries=case.queries,
        width=width,
        words=words,
    )


COMPARISONS = {
    "half": (
        *((64, 64, 4, 1), (64, 64, 4, 2), (64, 64, 8, 2), (64, 64, 8, 3), (64, 128, 8, 2), (128, 128, 8, 2)),
        *((128, 128, 8, 1), (128, 64, 8, 2), (64, 32, 4, 3), (32, 64, 4, 2), (32, 64, 4, 3), (32, 128, 4, 2)),
    ),
    "tf32": ((64, 32, 4, 2), (64, 64, 4, 1), (64, 64, 4, 2), (64, 64, 8, 2), (32, 64, 4, 2), (64, 32, 8, 2)),
    "float32": ((32, 32, 8, 1), (32, 32, 4, 1), (64, 32, 8, 1), (64, 64, 8, 1)),
}
"""Rows, tile, warps and stages of the programs that hold vectors whole."""
GRADIENTS = {
    "half": (
        *((32, 64, 4, 3, 64), (32, 64, 4, 1, 256), (32, 64, 4, 2, 256), (32, 64, 4, 3, 128)),
        *(
            (64, 64, 4, 1, 256),
            (64, 64, 4, 2, 256),
            (64, 64, 4, 3, 64),
            (64, 64, 4, 4, 64),
            (32, 64, 4, 4, 64),
        ),
        *((32, 32, 4, 1, 256), (64, 64, 8, 1, 256), (32, 64, 4, 1, 128)),
    ),
    "tf32": ((32, 32, 4, 2, 64), (32, 64, 4, 1, 32), (32, 32, 4, 1, 64), (32, 32, 4, 3, 64)),
    "float32": ((64, 32, 8, 1, 32), (32, 64, 8, 1, 32), (64, 32, 8, 1, 64), (64, 32, 4, 1, 32)),
}
"""Rows, tile, warps, stages and part of the programs that sum gradients; one has no rows to choose."""
FORWARD = {
    "half": (
        *((256, 4, 1, 1), (128, 4, 1, 1), (128, 4, 2, 4), (128, 4, 3, 4), (128, 4, 3, 8), (128, 2, 2, 4)),
        *((64, 4, 3, 8), (64, 4, 3, 16), (64, 2, 2, 8), (64, 2, 3, 8), (256, 4, 2, 4), (256, 8, 2, 4)),
        *((32, 2, 3, 8), (32, 1, 3, 8), (64, 1, 2, 8), (128, 8, 3, 8)),
    ),
    "float32": (
        *((128, 4, 1, 1), (128, 8, 1, 1), (128, 4, 2, 4), (128, 4, 3, 4), (64, 4, 3, 8), (128, 8, 2, 4)),
        *((64, 2, 2, 8), (32, 2, 3, 8), (32, 1, 2, 8)),
    ),
}
"""Pixels, warps, stages and blocks of word attention's forward program."""
BACKWARD = {
    "half": (
        *((64, 4, 1), (64, 4, 2), (32, 1, 1), (32, 1, 2), (32, 2, 1), (32, 2, 2), (32, 2, 3)),
        *((64, 2, 1), (64, 2, 2), (64, 2, 3), (128, 2, 1), (128, 2, 2), (16, 1, 2), (32, 4, 2)),
    ),
    "float32": ((64, 4, 1), (64, 4, 2), (32, 2, 1), (32, 1, 1), (64, 2, 1), (128, 4, 1)),
}
"""Pixels, warps and stages of word attention's backward program."""


def candidates(group: Group, constants: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Options of launches, as Triton and the program take them.

    Args:
        group: What is launched.
        constants: What the table's own launch says: names that are not there are not varied.
    """
    if group.case.operation == ATTENTION:
        return of_word_attention(group)
    return of_region_matching(group, words=constants["WORDS"], with_rows="ROWS" in constants)


def of_word_attention(group: Group) -> Iterator[dict[str, Any]]:
    """Blocks of pixels; float32 in three products of tensor cores, as plain units were slower."""
    shapes = (
        FORWARD[group.kind]
        if group.program == "attend"
        else [(*shape, SPAN // shape[0]) for shape in BACKWARD[group.kind]]
    )
    for pixels, warps, stages, blocks in shapes:
        options = {"PIXELS": pixels, "SPAN": pixels * blocks, "PRECISION": "tf32x3"}
        yield options | {"num_warps": warps, "num_stages": stages}


def of_region_matching(group: Group, *, words: int, with_rows: bool) -> Iterator[dict[str, Any]]:
    """Blocks of words and tiles of regions; float32 in three products of tensor cores."""
    precision = "tf32x3" if group.kind == "float32" else "tf32"
    if group.program in ("score", "slopes"):
        for rows, tile, warps, stages in COMPARISONS[group.kind]:
            options = {"ROWS": max(rows, words), "TILE": tile, "PRECISION": precision}
            yield options | {"num_warps": warps, "num_stages": stages}
        return
    seen = []
    for rows, tile, warps, stages, part in GRADIENTS[group.kind]:
        options = {"TILE": tile, "PART": part, "PRECISION": precision}
        options |= {"ROWS": max(rows, words)} if with_rows else {}
        options |= {"num_warps": warps, "num_stages": stages}
        if options not in seen:
            seen.append(options)
            yield options
