"""The shapes with which the Triton programs of region matching are launched.

The table was made by compiling for sm_80 and sm_90: of the shapes that were tried, from large blocks to
small, each entry is the first that spills nothing from registers, or, in a program of the gradient, no more
than 64 bytes. No launch was timed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attnforge.kernels.region_matching.factors import Kind

Program = Literal["score", "slopes", "learn_regions", "learn_words"]


@dataclass(frozen=True, slots=True)
class Launch:
    """A shape of a launch."""

    rows: int
    """Words of a block; a single caption may have more."""
    tile: int
    """Regions of a block."""
    warps: int
    stages: int = 1
    """Rounds of a loop that are in flight."""

    def options(self) -> dict[str, int]:
        """What the launch says to Triton, not to the program."""
        return {"num_warps": self.warps, "num_stages": self.stages}


SMALLEST = Launch(16, 16, 8)
"""For what the table lacks; it may spill."""

LAUNCHES: dict[tuple[Program, int, Kind], dict[tuple[int, int], Launch]] = {
    ("score", 8, "half"): {
        (64, 8): Launch(128, 64, 8, 2), (64, 16): Launch(128, 64, 8, 2),
        (64, 32): Launch(128, 64, 8, 2), (64, 64): Launch(128, 64, 8, 2),
        (128, 8): Launch(64, 64, 8, 3), (128, 16): Launch(64, 64, 8, 3),
        (128, 32): Launch(64, 64, 8, 3), (128, 64): Launch(64, 64, 8, 3),
        (256, 8): Launch(64, 64, 8, 2), (256, 16): Launch(64, 64, 8, 2),
        (256, 32): Launch(64, 64, 8, 2), (256, 64): Launch(64, 64, 8, 2),
    },
    ("score", 8, "tf32"): {
        (64, 8): Launch(64, 64, 8, 2), (64, 16): Launch(64, 64, 8, 2),
        (64, 32): Launch(64, 64, 8, 2), (64, 64): Launch(64, 64, 8, 2),
        (128, 8): Launch(64, 64, 8, 2), (128, 16): Launch(64, 64, 8, 2),
        (128, 32): Launch(64, 64, 8, 2), (128, 64): Launch(64, 64, 8, 2),
        (256, 8): Launch(64, 32, 8, 2), (256, 16): Launch(64, 32, 8, 2),
        (256, 32): Launch(64, 32, 8, 2), (256, 64): Launch(64, 32, 8, 2),
    },
    ("score", 8, "float32"): {
        (128, 16): Launch(64, 32, 8),
        (256, 8): Launch(32, 32, 8), (256, 16): Launch(32, 32, 8),
        (256, 32): Launch(32, 32, 8), (256, 64): Launch(64, 16, 8),
    },
    ("score", 9, "half"): {
        (64, 8): Launch(128, 64, 8, 2), (64, 16): Launch(128, 64, 8, 2),
        (64, 32): Launch(128, 64, 8, 2), (64, 64): Launch(128, 64, 8, 2),
        (128, 8): Launch(64, 64, 8, 3), (128, 16): Launch(64, 64, 8, 3),
        (128, 32): Launch(64, 64, 8, 3), (128, 64): Launch(64, 64, 8, 3),
        (256, 8): Launch(64, 32, 8, 2), (256, 16): Launch(64, 64, 8, 3),
        (256, 32): Launch(64, 64, 8, 3), (256, 64): Launch(64, 64, 8, 2),
    },
    ("score", 9, "tf32"): {
        (64, 8): Launch(64, 64, 8, 2), (64, 16): Launch(64, 64, 8, 2),
        (64, 32): Launch(64, 64, 8, 2), (64, 64): Launch(64, 64, 8, 2),
        (128, 8): Launch(64, 64, 8, 2), (128, 16): Launch(64, 64, 8, 2),
        (128, 32): Launch(64, 64, 8, 2), (128, 64): Launch(64, 64, 8, 2),
        (256, 8): Launch(64, 32, 8, 2), (256, 16): Launch(64, 32, 8, 2),
        (256, 32): Launch(64, 32, 8, 2), (256, 64): Launch(64, 32, 8, 2),
    },
}  # fmt: skip
"""By program, generation of the GPU (8 or 9) and how numbers are multiplied; then by the width of vectors and
the words of a caption."""
