"""Names of devices, as recipes and commands say them."""

from __future__ import annotations

import torch

AUTO = "auto"
"""The first GPU where there is one, else the CPU."""


def computing_device(name: str) -> str:
    """The name itself if it is `auto` or that of a device on which torch can compute with numbers.

    Raises:
        ValueError: torch knows no such device, or it has shapes and no numbers.
    """
    expected = "`auto`, `cpu`, or a device as torch names it, such as `cuda` or `cuda:1`"
    if name == AUTO:
        return name
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(expected) from error
    if device.type == "meta":
        raise ValueError(f"{expected}; the device `meta` holds no numbers")
    return name
