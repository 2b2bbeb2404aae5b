"""Generates the images of blocks of captions, in batches of captions with about as many words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from attnforge.build.parts import Parts
from attnforge.compute.bfloat16 import refuse_old_gpus
from attnforge.compute.engine import Engine
from attnforge.data.encoding import encode_captions
from attnforge.interfaces import Generator
from attnforge.recipe.schema import Precision
from attnforge.sampling.bulk.captions import CaptionLine
from attnforge.sampling.bulk.layouts import ImageName
from attnforge.sampling.folding import fold
from attnforge.sampling.generating import generate_rows, sampler_of, to_bytes
from attnforge.seeds import derive_seed

CPU_BATCH_PIXELS = 4 * 256**2
"""Pixels of the images of a batch on a CPU: larger maps are cleared page by page whenever they are made."""
GPU_BATCH_PIXELS = 64 * 256**2
MAX_BATCH = 256


class BlockGenerator:
    """Generates images with a copy of a run's generator that is made for sampling; see `fold`.

    An image depends on its line, its index, the seed and the captions of its block alone: a block is always
    divided into the same batches, so the same machine computes the same bits, in however many processes.

    Args:
        parts: The encoders, the tokenizer and the sampler of the recipe.
        generator: The generator; it is copied.
        seed: Seed of the noise.
        per_caption: Images of each caption.
        batch_size: Images of a batch; by default what suits the device and the size of the images.
        precision: `bf16` computes convolutions and matrix products in bfloat16.
    """

    def __init__(
        self,
        parts: Parts,
        generator: Generator,
        *,
        seed: int,
        per_caption: int,
        batch_size: int | None = None,
        precision: Precision = "float32",
    ) -> None:
        self._parts = parts
        self._sampler = sampler_of(parts, fold(cast("nn.Module", generator)))
        if precision == "bf16":
            refuse_old_gpus(parts.device)
        self._engine = Engine(device=parts.device, precision=precision)
        self._seed = seed
        self._per_caption = per_caption
        self._batch_size = batch_size or self._suitable(generator.image_sizes[-1])

    def images(
        self, lines: Sequence[CaptionLine]
    ) -> Iterator[tuple[list[ImageName], UInt8[np.ndarray, "b h w 3"]]]:
        """The images of a block, batch by batch, those with the fewest words first."""
        ordered = sorted(lines, key=lambda line: (line.tokens, line.number))
        rows = [(line, index) for line in ordered for index in range(self._per_caption)]
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            yield [ImageName(line.number, index, line.caption) for line, index in batch], self._batch(batch)

    @torch.no_grad()  # not `inference_mode`: a sampler may enable gradients
    def _batch(self, batch: Sequence[tuple[CaptionLine, int]]) -> UInt8[np.ndarray, "b h w 3"]:
        numbers = list(dict.fromkeys(line.number for line, _ in batch))
        lines = {line.number: line for line, _ in batch}
        extras = {
            name: torch.cat([lines[number].extras[name] for number in numbers]) for name in self._parts.extras
        }
        prompt = encode_captions(
            self._parts.text,
            self._parts.tokenizer,
            [lines[number].caption for number in numbers],
            device=self._parts.device,
            extras=extras,
        )
        positions = [numbers.index(line.number) for line, _ in batch]
        repeated = prompt.rows(torch.tensor(positions, device=self._parts.device))
        seeds = [derive_seed(self._seed, "line", line.number, index) for line, index in batch]
        with self._engine.autocast():
            output = generate_rows(self._sampler, repeated, seed=self._seed, seeds=seeds)
        return to_bytes(output)

    def _suitable(self, size: int) -> int:
        pixels = CPU_BATCH_PIXELS if self._parts.device.type == "cpu" else GPU_BATCH_PIXELS
        return max(1, min(MAX_BATCH, pixels // size**2))
