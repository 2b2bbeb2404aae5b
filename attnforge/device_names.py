"""Names of devices in recipes and commands."""

from __future__ import annotations

import torch

AUTO = "auto"
"""The first GPU where there is one, else the CPU."""


def computing_device(name: str) -> str:
    """The name, if it is `auto` or a device on which torch can compute.

    Raises:
        ValueError: torch knows no such device, or it is `meta`, which holds shapes and no data.
    """
    expected = "`auto`, `cpu`, or a device as torch names it, such as `cuda` or `cuda:1`"
    if name == AUTO:
        return name
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(expected) from error
    if device.type == "meta":
        raise ValueError(f"{expected}; tensors on `meta` hold no data")
    return name
