"""Sampling as in the official AttnGAN code, reimplemented from a description of its steps.

A batch of captions is sorted by length and encoded, the generator computes all images, and the last ones are
scaled, truncated to bytes and saved as PNG one after another by the process that generates. Normalisation,
gates, attention and doubling are those of `official_step`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from official_step import make_official, sliced_gates
from PIL import Image
from torch import Tensor, nn

from attnforge.build.parts import Parts
from attnforge.data.feeding.collate import pad
from attnforge.interfaces import TextFeatures


class OfficialSampling:
    """The generator of a recipe, sampled as in the official code.

    Args:
        parts: Whose networks are used; the generator is copied.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._text = cast("nn.Module", parts.text).eval()
        self._generator = copy.deepcopy(cast("nn.Module", parts.generator)).eval()
        self._noise: int = cast("Any", parts.generator).noise
        make_official(self._generator)

    @torch.no_grad()
    def generate(self, captions: Sequence[str]) -> tuple[Tensor, ...]:
        """The images of every stage, for one batch of captions."""
        encoded = sorted(
            (self._parts.tokenizer.encode(caption) for caption in captions), key=len, reverse=True
        )
        tokens, lengths = pad(encoded)
        text: TextFeatures = self._text(tokens, lengths)
        noise = torch.randn(len(captions), self._noise)
        with sliced_gates():
            images: tuple[Tensor, ...] = self._generator(noise, text).images
        return images

    def to_disk(self, captions: Sequence[str], folder: Path) -> None:
        """Generate and save the largest image of each caption."""
        for number, image in enumerate(self.generate(captions)[-1]):
            scaled = (image.numpy() + 1.0) * 127.5
            pixels = np.transpose(scaled.astype(np.uint8), (1, 2, 0))
            Image.fromarray(pixels).save(folder / f"{number}_s-1.png")
