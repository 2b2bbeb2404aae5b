"""Memory of this process and of its device: what was used at most, and what can be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

USABLE = 0.9
"""Share of a memory that tensors can use: the rest goes to libraries, kernels and gaps between blocks."""
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def process_peak_bytes() -> int | None:
    """Peak memory of this process; None when unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes, but bytes on macOS


def peak_bytes() -> int | None:
    """Peak memory of tensors on the current GPU if this process uses one, else of the process."""
    on_gpu = 0
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        on_gpu = torch.cuda.max_memory_allocated()
    return on_gpu or process_peak_bytes()


def usable_bytes(device: torch.device) -> int | None:
    """How much memory tensors of this process can have on a device; None when unknown."""
    if device.type == "cuda":
        return int(USABLE * torch.cuda.get_device_properties(device).total_memory)
    limits = [limit for limit in (_physical(), _cgroup(), _address_space()) if limit is not None]
    return int(USABLE * min(limits)) if limits else None


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _cgroup() -> int | None:
    for path in _CGROUP_LIMITS:
        try:
            return int(Path(path).read_text(encoding="ascii"))
        except (OSError, ValueError):  # missing, or `max`
            continue
    return None


def _address_space() -> int | None:
    """What is left of the limit on addresses, most of which libraries take."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else max(0, limit - pages * resource.getpagesize())
