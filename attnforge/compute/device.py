"""Chooses the device to compute on."""

from __future__ import annotations

import torch

from attnforge.device_names import AUTO, computing_device
from attnforge.errors import AttnforgeError, Problem


def choose_device(name: str, *, local_rank: int = 0) -> torch.device:
    """The device of that name; `auto` and `cuda` are a GPU of this process, `auto` the CPU without any.

    Args:
        name: The device.
        local_rank: The number of this process on its machine; the process uses the GPU of this number.

    Raises:
        AttnforgeError: the name is not a device, or this machine does not have it.
    """
    if name == AUTO and not torch.cuda.is_available():
        return torch.device("cpu")
    own = f"cuda:{local_rank}" if local_rank else "cuda"
    try:
        device = torch.device(own if name in (AUTO, "cuda") else computing_device(name))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]  # torch adds advice for its own developers
        raise AttnforgeError(
            Problem(
                code="no-such-device",
                message=f"device {name!r} cannot be used here: {reason}",
                expected="auto, cpu, or a device that torch finds on this machine",
                next_step="attnforge doctor",
            )
        ) from error
    return device
