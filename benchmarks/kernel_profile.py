"""Which kernels of a device a training step of an operation consists of."""

from __future__ import annotations

import torch
from kernel_cases import Case
from kernel_clocks import gradients_of
from kernel_providers import OWN, Provider, providers
from torch.profiler import ProfilerActivity, profile

STEPS = 5
LINES = 15


def first_able(case: Case) -> Provider:
    """The first kernel of attnforge that trains there: the fastest, as they are listed."""
    own = (one for one in providers(case) if one.name.startswith(OWN))
    return next(one for one in own if not one.refused and not one.backward_refused)


def profiled(case: Case) -> str:
    """A table of the most expensive operations of some steps, after a warm-up step."""
    provider, inputs = first_able(case), case.inputs()
    activities = [ProfilerActivity.CPU]
    order = "self_cpu_time_total"
    if case.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        order = "self_cuda_time_total"
    gradients_of(provider.run(inputs), inputs)
    with profile(activities=activities, acc_events=True) as found:
        for _ in range(STEPS):
            gradients_of(provider.run(inputs), inputs)
        if case.device.type == "cuda":
            torch.cuda.synchronize(case.device)
    table = found.key_averages().table(sort_by=order, row_limit=LINES, max_name_column_width=60)
    dtype = str(case.dtype).removeprefix("torch.")
    sizes = f"{case.batch} x {case.queries} x {case.width}, {case.words} words, {dtype}"
    return f"{case.operation}, {sizes}, {provider.name}, {STEPS} steps\n{table}\n"
