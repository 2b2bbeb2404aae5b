"""What a launch may take of a GPU, whichever Triton compiles it.

Each release of Triton gives registers to other numbers. What does not fit spills to memory that is cached,
which costs little where it is little: a launch that spills a few numbers can be faster than a smaller one
that spills none. The budget keeps a launch from spilling more unnoticed.
"""

from __future__ import annotations

SHARED_BYTES = {"sm_80": 163 * 1024, "sm_90": 227 * 1024}
"""Shared memory that a block can have."""

SPILLED_BYTES = 64
"""What a thread may spill: 16 of its 255 registers."""

KNOWN_SPILLS = {
    "score sm_80 tf32": 120,
    "score sm_90 half": 352,
    "score sm_90 tf32": 288,
    "score sm_90 float32": 200,
    "slopes sm_80 half": 384,
    "slopes sm_80 tf32": 336,
    "slopes sm_80 float32": 280,
    "slopes sm_90 half": 240,
    "slopes sm_90 tf32": 816,
    "slopes sm_90 float32": 128,
    "learn_regions sm_90 half": 640,
    "learn_words sm_90 half": 328,
    "learn_words sm_90 tf32": 392,
    "learn_words sm_80 half": 144,
    "learn_words sm_80 tf32": 144,
    "learn_words sm_80 float32": 288,
    "learn sm_80 float32 128 16": 248,
    "learn sm_90 float32": 1168,
    "attend sm_90 float32 64 32": 80,
}
"""Launches that spill more, by how their names begin: the most that an admitted Triton makes of them.

Those of sm_90 in halves and TF32, and of word attention in float32, were the fastest on an H200 all the same,
and spill under Triton 3.9, too. The others are of Triton 3.6, which torch 2.11 comes with; Triton 3.9 keeps
them within the budget.
"""


def keep_within_budgets(compiled: dict[str, dict[str, int]]) -> None:
    """Hold launches, as `offline_kernels` compiles them, to the limits of their GPU and to the budget."""
    for name, used in compiled.items():
        known = [most for beginning, most in KNOWN_SPILLS.items() if name.startswith(beginning)]
        assert used["spilled_bytes"] <= max([SPILLED_BYTES, *known]), (name, used)
        assert 0 < used["registers"] <= 255, (name, used)
        shared = next(most for gpu, most in SHARED_BYTES.items() if gpu in name)
        assert used["shared_bytes"] <= shared, (name, used)
