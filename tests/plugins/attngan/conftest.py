"""What the official AttnGAN networks compute, and the weights with which they compute it.

Weights are not stored: every tensor is drawn from a generator that its official name seeds.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from attnforge_attngan.official.importing import OfficialFiles, import_official
from golden_vectors import weight
from small_official import RECIPE, write_files
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "golden"


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
        named = shapes[network]
        return {name: weight(name, shape) for name, shape in dict(named).items()}

    return weights


@pytest.fixture(scope="session")
def uniform_images() -> Callable[[str, int], Tensor]:
    """Draws the named batch of three images in [-1, 1] that the official code was given."""

    def images(name: str, size: int) -> Tensor:
        generator = np.random.RandomState(zlib.crc32(name.encode()))
        return torch.from_numpy(generator.uniform(-1, 1, (3, 3, size, size)).astype(np.float32))

    return images


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of the small widths."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def states(official_weights: Callable[[str], dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """An official state dict for each file."""
    names = {"generator": "generator_attngan", "text_encoder": "text_encoder_LSTM"}
    names |= {"image_encoder": "image_encoder"}
    names |= {f"netD{index}": f"discriminator{size}" for index, size in enumerate((64, 128, 256))}
    return {file: official_weights(network) for file, network in names.items()}


@pytest.fixture(scope="session")
def files(states: dict[str, dict[str, Tensor]], tmp_path_factory: pytest.TempPathFactory) -> OfficialFiles:
    """The files of one official model."""
    return write_files(tmp_path_factory.mktemp("official"), states)


@pytest.fixture(scope="session")
def imported(files: OfficialFiles, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the official files, for reading only."""
    return import_official(files, tmp_path_factory.mktemp("runs") / "imported", recipe=recipe).path
