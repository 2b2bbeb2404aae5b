"""Chooses the device to compute on."""

from __future__ import annotations

import torch

from attnforge.device_names import AUTO, computing_device
from attnforge.errors import AttnforgeError, Problem


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first GPU if there is one, else the CPU.

    Raises:
        AttnforgeError: the name is not a device, or this machine does not have it.
    """
    if name == AUTO:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(computing_device(name))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise AttnforgeError(
            Problem(
                code="no-such-device",
                message=f"device {name!r} cannot be used here: {reason}",
                expected="auto, cpu, or a device that torch finds on this machine",
                next_step="attnforge train RECIPE training.device=auto",
            )
        ) from error
    return device
