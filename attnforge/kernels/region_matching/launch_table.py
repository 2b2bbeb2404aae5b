"""The shapes with which the Triton programs of region matching are launched.

For sm_90, entries for vectors of 256 numbers and captions of up to 32 words, in halves and TF32, are those
that an H200 ran fastest with 256 pairs (Triton 3.6; benchmarks/results/nvidia-h200/launches.csv), although
they spill. Halves of narrower vectors mostly follow them untimed. All others were made by compiling: of the
shapes that were tried, from large blocks to small, each is the first that spills nothing from registers, or,
in a program of the gradient, no more than 64 bytes.

Three products of TF32 would be two to four times as fast as plain units for float32 that is kept whole. On
the H200, under Triton 3.6, they read beyond their memory with captions of several lengths: they are not used.
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
    part: int = 0
    """Numbers of a vector that a program of the gradient compares at a time; the others take it whole."""

    def options(self) -> dict[str, int]:
        """What the launch says to Triton, not to the program."""
        return {"num_warps": self.warps, "num_stages": self.stages}


LAUNCHES: dict[tuple[Program, int, Kind], dict[int, tuple[Launch, ...]]] = {
    ("score", 8, "half"): {
        64: (Launch(128, 64, 8, 2),) * 3,
        128: (Launch(64, 64, 8, 3),) * 3,
        256: (Launch(64, 64, 8, 2),) * 3,
    },
    ("score", 8, "tf32"): {
        64: (Launch(64, 64, 8, 2),) * 3,
        128: (Launch(64, 64, 8, 2),) * 3,
        256: (Launch(64, 32, 8, 2),) * 3,
    },
    ("score", 8, "float32"): {
        64: (Launch(64, 32, 8),) * 3,
        128: (Launch(64, 32, 8), Launch(32, 32, 8), Launch(64, 16, 8)),
        256: (Launch(32, 32, 8), Launch(32, 32, 8), Launch(32, 16, 8)),
    },
    ("score", 9, "half"): {
        64: (Launch(64, 64, 4, 2),) * 3,
        128: (Launch(64, 64, 4, 2),) * 3,
        256: (Launch(64, 64, 4, 2),) * 3,
    },
    ("score", 9, "tf32"): {
        64: (Launch(64, 64, 8, 2),) * 3,
        128: (Launch(64, 64, 8, 2),) * 3,
        256: (Launch(32, 64, 4, 2), Launch(32, 64, 4, 2), Launch(64, 32, 8, 2)),
    },
    ("score", 9, "float32"): {
        64: (Launch(64, 32, 8), Launch(64, 32, 8), Launch(64, 32, 8)),
        128: (Launch(32, 16, 8), Launch(32, 16, 8), Launch(32, 32, 8)),
        256: (Launch(32, 32, 8), Launch(32, 32, 8), Launch(32, 32, 16)),
    },
    ("slopes", 8, "half"): {
        64: (Launch(64, 64, 8, 3),) * 3,
        128: (Launch(64, 64, 8, 3),) * 3,
        256: (Launch(64, 64, 8), Launch(64, 64, 8, 2), Launch(64, 64, 8)),
    },
    ("slopes", 8, "tf32"): {
        64: (Launch(64, 64, 8),) * 3,
        128: (Launch(64, 64, 8),) * 3,
        256: (Launch(32, 32, 8, 2), Launch(64, 32, 8), Launch(32, 32, 8)),
    },
    ("slopes", 8, "float32"): {
        64: (Launch(32, 32, 8),) * 3,
        128: (Launch(32, 32, 8),) * 3,
        256: (Launch(32, 32, 8), Launch(32, 32, 8), Launch(32, 16, 8)),
    },
    ("slopes", 9, "half"): {
        64: (Launch(64, 64, 8, 3),) * 3,
        128: (Launch(64, 64, 8, 3),) * 3,
        256: (Launch(32, 64, 4, 2), Launch(32, 64, 4, 2), Launch(64, 64, 8, 3)),
    },
    ("slopes", 9, "tf32"): {
        64: (Launch(64, 64, 8),) * 3,
        128: (Launch(64, 32, 8),) * 3,
        256: (Launch(32, 64, 4, 2), Launch(32, 64, 4, 2), Launch(32, 32, 8)),
    },
    ("slopes", 9, "float32"): {
        64: (Launch(32, 32, 8),) * 3,
        128: (Launch(32, 16, 8),) * 3,
        256: (Launch(32, 16, 8), Launch(32, 16, 8), Launch(32, 16, 16)),
    },
    ("learn_regions", 8, "half"): {
        64: (Launch(64, 64, 8, 2, 64),) * 3,
        128: (Launch(64, 64, 8, 2, 64),) * 3,
        256: (Launch(64, 64, 8, 2, 64), Launch(64, 64, 8, 2, 64), Launch(64, 64, 8, 2, 64)),
    },
    ("learn_regions", 8, "tf32"): {
        64: (Launch(32, 32, 8, 2, 32),) * 3,
        128: (Launch(32, 32, 8, 2, 32),) * 3,
        256: (Launch(32, 32, 8, 2, 32),) * 3,
    },
    ("learn_regions", 8, "float32"): {
        64: (Launch(32, 32, 8, 1, 32),) * 3,
        128: (Launch(32, 32, 8, 1, 32),) * 3,
        256: (Launch(32, 32, 8, 1, 32), Launch(32, 32, 8, 1, 32), Launch(32, 16, 8, 1, 32)),
    },
    ("learn_regions", 9, "half"): {
        64: (Launch(64, 64, 4, 2, 64),) * 3,
        128: (Launch(64, 64, 4, 2, 64),) * 3,
        256: (Launch(32, 64, 4, 1, 256), Launch(32, 64, 4, 1, 256), Launch(64, 64, 4, 1, 256)),
    },
    ("learn_regions", 9, "tf32"): {
        64: (Launch(32, 32, 4, 2, 64),) * 3,
        128: (Launch(32, 32, 4, 2, 64),) * 3,
        256: (Launch(32, 32, 4, 2, 64), Launch(32, 32, 4, 2, 64), Launch(32, 32, 8, 2, 32)),
    },
    ("learn_regions", 9, "float32"): {
        64: (Launch(32, 32, 8, 1, 32),) * 3,
        128: (Launch(32, 32, 8, 1, 32), Launch(32, 32, 8, 1, 32), Launch(32, 16, 8, 1, 32)),
        256: (Launch(32, 32, 8, 1, 32), Launch(32, 32, 8, 1, 32), Launch(32, 16, 8, 1, 32)),
    },
    ("learn_words", 8, "half"): {
        64: (Launch(16, 64, 8, 2, 64),) * 3,
        128: (Launch(16, 64, 8, 2, 64), Launch(16, 64, 8, 2, 64), Launch(16, 32, 8, 2, 64)),
        256: (Launch(16, 64, 8, 2, 64), Launch(16, 64, 8, 2, 64), Launch(16, 32, 8, 2, 64)),
    },
    ("learn_words", 8, "tf32"): {
        64: (Launch(16, 32, 8, 2, 32),) * 3,
        128: (Launch(16, 32, 8, 2, 32),) * 3,
        256: (Launch(16, 32, 8, 2, 32),) * 3,
    },
    ("learn_words", 8, "float32"): {
        64: (Launch(16, 32, 8, 1, 32),) * 3,
        128: (Launch(16, 32, 8, 1, 32),) * 3,
        256: (Launch(16, 32, 8, 1, 32), Launch(16, 32, 8, 1, 32), Launch(16, 16, 8, 1, 32)),
    },
    ("learn_words", 9, "half"): {
        64: (Launch(16, 64, 4, 1, 64),) * 3,
        128: (Launch(16, 64, 4, 1, 128),) * 3,
        256: (Launch(16, 64, 4, 1, 256), Launch(16, 64, 4, 1, 256), Launch(16, 64, 8, 1, 64)),
    },
    ("learn_words", 9, "tf32"): {
        64: (Launch(16, 64, 4, 1, 32),) * 3,
        128: (Launch(16, 64, 4, 1, 32),) * 3,
        256: (Launch(16, 64, 4, 1, 32), Launch(16, 64, 4, 1, 32), Launch(16, 32, 8, 2, 32)),
    },
    ("learn_words", 9, "float32"): {
        64: (Launch(16, 32, 8, 1, 32), Launch(16, 32, 8, 1, 32), Launch(16, 16, 8, 1, 32)),
        128: (Launch(16, 32, 8, 1, 32), Launch(16, 32, 8, 1, 32), Launch(16, 16, 8, 1, 32)),
        256: (Launch(16, 32, 8, 1, 32), Launch(16, 32, 8, 1, 32), Launch(16, 16, 8, 1, 32)),
    },
}  # fmt: skip
"""By program, generation of the GPU (8 or 9) and how numbers are multiplied; then by the width of vectors,
for captions of up to 16, 32 and 64 words."""
