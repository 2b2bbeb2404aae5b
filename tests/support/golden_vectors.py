"""Numbers of official networks, and the weights with which they were computed.

Weights are not stored: every tensor is drawn from a generator that its official name seeds.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden"


def vectors(family: str, name: str) -> dict[str, Tensor]:
    """The stored arrays of one file of a family."""
    with np.load(GOLDEN / family / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def weights(family: str, network: str) -> dict[str, Tensor]:
    """The state dict of an official network, by its official names."""
    shapes = json.loads((GOLDEN / family / "official_state_dict_keys.json").read_text())[network]
    return {name: weight(name, shape) for name, shape in dict(shapes).items()}


def weight(name: str, shape: list[int]) -> Tensor:
    """The weight of that official name."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape or (1,))
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return torch.zeros((), dtype=torch.int64)
    if leaf == "running_mean":
        values = 0.1 * values
    elif leaf == "running_var":
        values = 0.5 + np.abs(values)
    elif len(shape) >= 2:
        values = values * math.sqrt(2 / math.prod(shape[1:]))
    elif leaf.startswith("bias"):
        values = 0.1 * values
    else:
        values = 1 + 0.1 * values
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def normal(name: str, *shape: int) -> Tensor:
    """The named standard normal input of an official run."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    return torch.from_numpy(values.astype(np.float32))


def renamed(state: Mapping[str, Tensor], rules: Mapping[str, str]) -> dict[str, Tensor]:
    """A state dict in which the first rule that matches the beginning of a name replaces it.

    A rule is a pattern and what it becomes, as in `re.sub`.
    """
    names = {}
    for name, value in state.items():
        rule = next(pattern for pattern in rules if re.match(pattern, name))
        names[re.sub(rule, rules[rule], name, count=1)] = value
    return names


def assert_near(actual: Tensor, expected: Tensor, *, tolerance: float = 1e-4) -> None:
    """Equal, up to a share of the spread of the expected values."""
    spread = float(expected.max() - expected.min()) if expected.numel() > 1 else float(expected.abs().max())
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * spread)
