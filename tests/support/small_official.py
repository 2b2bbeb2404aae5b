"""Files as the official AttnGAN code writes them, at widths for tests."""

from __future__ import annotations

import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from attnforge_attngan.official.importing import OfficialFiles
from torch import Tensor

RECIPE = """\
extends: attngan
data: {use: sketch-birds, count: 4, test_count: 2}
text: {dim: 16}
image: {use: inception-v3, align_corners: false}
generator: {channels: 8, noise: 12, conditioner: {dim: 20}}
discriminator: {channels: 4}
phases:
  gan: {epochs: null, steps: 1, batch_size: 2, sample_every: 0}
samples: {count: 2}
evaluation: {metrics: {retrieval: null}}
"""
WORDS = ["zebra", "bird", "a", "red", "wings", "the", "is", "blue", "with", "and", "has", "this", "yellow"]
WORDS += [f"word{number}" for number in range(59 - len(WORDS))]
TRAIN_CAPTIONS = [[1, 2], [12, 2, 7, 4], [59], [3, 4, 2, 9, 8, 5]]
TEST_CAPTIONS = [[3, 4, 2], [6, 2, 7, 8], [3, 8, 2]]


def vocabulary(words: Sequence[str] = WORDS) -> list[Any]:
    """What a `captions.pickle` with these words holds."""
    names = ["<end>", *words]
    ids = {name: number for number, name in enumerate(names)}
    return [TRAIN_CAPTIONS, TEST_CAPTIONS, dict(enumerate(names)), ids]


def python_2_pickle(content: object) -> bytes:
    """A pickle of protocol 2 with texts as Python 2 writes its `str`: short ones in Latin-1."""
    raw = pickle.dumps(content, protocol=2)
    steps = [*pickletools.genops(raw), (None, None, len(raw))]
    written = bytearray()
    for (code, text, start), (_, _, end) in pairwise(steps):
        if code is not None and code.name == "BINUNICODE" and isinstance(text, str):
            letters = text.encode("latin1")
            written += pickle.SHORT_BINSTRING + bytes([len(letters)]) + letters
        else:
            written += raw[start:end]
    return bytes(written)


def write_files(folder: Path, states: Mapping[str, Mapping[str, Tensor]]) -> OfficialFiles:
    """Write official state dicts in the format of their time, and a `captions.pickle`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, state in states.items():
        torch.save(OrderedDict(state), folder / f"{name}.pth", _use_new_zipfile_serialization=False)
    (folder / "captions.pickle").write_bytes(python_2_pickle(vocabulary()))
    return OfficialFiles(
        generator=folder / "generator.pth",
        text_encoder=folder / "text_encoder.pth",
        image_encoder=folder / "image_encoder.pth",
        captions=folder / "captions.pickle",
        discriminators=tuple(sorted(folder / f"{name}.pth" for name in states if name.startswith("netD"))),
    )


def import_command(files: OfficialFiles, recipe: Path, out: Path) -> list[str]:
    """What a user types to import the files without discriminators."""
    words = ["import", "attngan", "--recipe", recipe, "--out", out, "--generator", files.generator]
    words += ["--text-encoder", files.text_encoder, "--image-encoder", files.image_encoder]
    return [str(word) for word in [*words, "--captions", files.captions]]
