"""Launch configurations of the Triton programs of region matching.

For sm_90, entries for vectors of 256 channels and captions of up to 32 words, in 16 bits and TF32, were the
fastest on an H200 with 256 pairs (Triton 3.6; benchmarks/results/nvidia-h200/launches.csv), although they
spill registers. Those in 16 bits for narrower vectors are mostly the same, untimed. All others were chosen by
compiling and not timed: each is the largest tried block that spills no registers, or, in programs of the
gradient, at most 64 bytes.

For full float32, three products in TF32 would be two to four times as fast as CUDA cores. They are not used:
on the H200, with Triton 3.6, they read out of bounds with captions of several lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attnforge.kernels.region_matching.factors import Kind

Program = Literal["score", "slopes", "learn_regions", "learn_words"]


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch configuration."""

    rows: int
    """Words per block; a single caption may have more."""
    tile: int
    """Regions per block."""
    warps: int
    stages: int = 1
    """Pipeline stages of the loop."""
    part: int = 0
    """Channels that a program of the gradient processes at a time; other programs process all."""

    def options(self) -> dict[str, int]:
        """Options for Triton, not for the program."""
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
"""By program, generation of the GPU (8 or 9) and how factors are multiplied; then by the size of vectors,
for captions of up to 16, 32 and 64 words."""
