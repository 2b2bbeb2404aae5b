"""Let the processor's allocator keep what is freed, so that the system need not clear pages in every turn.

Large pieces of memory come from the system page by page, each cleared first, and go back when they are freed.
That can take as long as what is computed in them. Programs that keep memory, as many do, do not pay for it.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""glibc's parameters: beyond how much free memory is given back, and how many pieces are the system's own."""


def keep_freed_memory() -> bool:
    """Keep it in this process from now on; whether the allocator, glibc's, can do so."""
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    return adjust is not None and bool(adjust(MMAP_MAX, 0)) and bool(adjust(TRIM_THRESHOLD, 2**31 - 1))
