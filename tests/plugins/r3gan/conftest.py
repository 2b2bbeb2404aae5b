"""What the official R3GAN networks compute, and the weights with which they compute it.

Weights are not stored: every tensor is drawn from a generator that its official name seeds.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "golden" / "r3gan"


def _draw(name: str, shape: list[int]) -> Tensor:
    """The weight of that official name."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "Kernel":
        row = torch.tensor([1.0, 3.0, 3.0, 1.0])
        return torch.outer(row, row) / 64
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    drawn *= 0.1 if leaf == "Bias" else math.sqrt(2 / math.prod(shape[1:]))
    if ".LinearLayer3." in f".{name}":
        drawn *= 0.5
    elif name.endswith("Layers.2.LinearLayer.weight"):
        drawn *= 0.1  # the last layer of the discriminator
    return torch.from_numpy(drawn.astype(np.float32))


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, Tensor]]:
    """Reads the stored arrays of one file."""

    def read(name: str) -> dict[str, Tensor]:
        with np.load(GOLDEN / f"{name}.npz") as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}

    return read


@pytest.fixture(scope="session")
def official_weights() -> Callable[[str], dict[str, Tensor]]:
    """Draws the official state dict of one network."""
    shapes: dict[str, dict[str, list[int]]] = json.loads(
        (GOLDEN / "official_state_dict_keys.json").read_text()
    )

    def weights(network: str) -> dict[str, Tensor]:
        return {name: _draw(name, shape) for name, shape in dict(shapes[network]).items()}

    return weights


@pytest.fixture(scope="session")
def real_images() -> Tensor:
    """The three images of 32 x 32 pixels that the official code was given."""
    generator = np.random.RandomState(zlib.crc32(b"real"))
    return torch.from_numpy(generator.uniform(-1, 1, (3, 3, 32, 32)).astype(np.float32))
