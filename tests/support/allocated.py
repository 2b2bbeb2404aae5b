"""The memory that torch's own allocator hands out on the CPU, from the events of its profiler."""

from __future__ import annotations

from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile, record_function

MARK = "the measured part"


def peak_allocated(prepare: Callable[[], Callable[[], object]]) -> int:
    """Bytes allocated at most while what `prepare` returns runs, with everything that `prepare` allocated."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run = prepare()
        with record_function(MARK):
            run()
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    (start,) = (event.start_ns() for event in events if event.name() == MARK)
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    current = peak = 0
    for time, change in changes:
        current += change
        if time >= start:
            peak = max(peak, current)
    return peak
