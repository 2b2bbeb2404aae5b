"""Launch shapes that are worth timing for each Triton program, and the operation sizes they are timed at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from kernel_cases import ATTENTION, MATCHING, Case

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
    """All groups, those of the headline figures first."""
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


def candidates(group: Group, constants: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Options of launches, as Triton and the program take them.

    Args:
        group: What is launched.
        constants: What the table's own launch says: names that are not there are not varied.
    """
    if group.case.operation == ATTENTION:
        return of_word_attention(group)
    if group.program in ("score", "slopes"):
        return of_comparisons(group, words=constants["WORDS"])
    return of_gradients(group, words=constants["WORDS"], with_rows="ROWS" in constants)


def of_word_attention(group: Group) -> Iterator[dict[str, Any]]:
    """Blocks of pixels; only the backward program has a loop whose rounds can be in flight together."""
    half = group.kind == "half"
    blocks = (32, 64, 128) if group.program == "learn" else (32, 64, 128, 256)
    stages = ((1, 2, 3) if half else (1, 2)) if group.program == "learn" else (1,)
    for pixels, warps, stage, precision in product(blocks, (4, 8), stages, precisions_of(group)):
        yield {"PIXELS": pixels, "num_warps": warps, "num_stages": stage, "PRECISION": precision}


def of_comparisons(group: Group, *, words: int) -> Iterator[dict[str, Any]]:
    """Blocks of words and tiles of regions for the programs that hold vectors whole."""
    half = group.kind == "half"
    blocks = (64, 128) if half else (32, 64)
    tiles = (32, 64, 128) if half else (32, 64)
    stages = (2, 3, 4) if half else (1, 2)
    for rows, tile, warps, stage, precision in product(blocks, tiles, (4, 8), stages, precisions_of(group)):
        options = {"ROWS": max(rows, words), "TILE": tile, "PRECISION": precision}
        yield options | {"num_warps": warps, "num_stages": stage}


def of_gradients(group: Group, *, words: int, with_rows: bool) -> Iterator[dict[str, Any]]:
    """Blocks, tiles and parts of vectors for the programs that sum gradients."""
    half = group.kind == "half"
    blocks = (32, 64) if half and with_rows else (32,)
    tiles = (32, 64) if half else (32,)
    stages = (1, 2, 3) if half else (1, 2)
    parts = (64, 256) if half else (32, 64)
    for rows, tile, warps, stage, part, precision in product(
        blocks, tiles, (4, 8), stages, parts, precisions_of(group)
    ):
        options: dict[str, Any] = {"TILE": tile, "PART": part, "PRECISION": precision}
        options |= {"ROWS": max(rows, words)} if with_rows else {}
        yield options | {"num_warps": warps, "num_stages": stage}


def precisions_of(group: Group) -> tuple[str, ...]:
    """How float32 may be multiplied; halves have one way. Plain units (`ieee`) are the table's own."""
    return {"half": ("tf32",), "tf32": ("tf32",), "float32": ("tf32x3",)}[group.kind]
