"""Host memory that steps and passes on a CPU free and need again."""

from __future__ import annotations

import ctypes
import platform

import torch

# numbers of the options of `mallopt`, from malloc.h
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = -1
GROWTH_BYTES = 64 << 20
"""By how much the heap grows at least."""


def keep_freed_memory(device: torch.device) -> bool:
    """Keep the memory that tensors on a CPU free, for the tensors of the next step.

    By default glibc returns every large block to the system, which clears its pages before it hands them out
    again: at full width a quarter of a step's time. The process then keeps as much memory as it needed at
    most. The setting counts for the whole process; other devices and C libraries are left as they are.

    Returns:
        Whether the memory is kept.
    """
    if device.type != "cpu" or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, GROWTH_BYTES))
    accepted = [library.mallopt(option, value) for option, value in settings]
    return all(accepted)
