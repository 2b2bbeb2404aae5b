"""All operations that have kernels."""

from __future__ import annotations

from attnforge.kernels.dispatch import Operation


def operations() -> tuple[Operation, ...]:
    """Every operation with its kernels, for `attnforge kernels` and the benchmark."""
    from attnforge.kernels import region_matching, word_attention

    return word_attention.OPERATION, region_matching.OPERATION
