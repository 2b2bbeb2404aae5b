"""Inputs of word attention in many shapes and layouts, and how far results are from exact ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from kernel_devices import device_for
from torch import Tensor

from attnforge.kernels.gpu import INSTALLED
from attnforge.kernels.word_attention import OPERATION, attend_and_join, word_attention

LAYOUTS = ("contiguous", "channels-last", "sliced", "turned", "scattered-words")

KERNELS = tuple(kernel.name for kernel in OPERATION.kernels if kernel.name != "triton" or INSTALLED)
"""Those that a test can run: Triton is not on every system."""

Results = dict[str, Tensor]
"""Context, weights and both gradients by name."""


@dataclass(frozen=True)
class Case:
    """What word attention is given."""

    batch: int
    words: int
    size: tuple[int, int]
    channels: int
    layout: str = "contiguous"
    join: bool = False

    def __str__(self) -> str:
        height, width = self.size
        joined = "-joined" if self.join else ""
        return f"b{self.batch}-l{self.words}-{height}x{width}-c{self.channels}-{self.layout}{joined}"

    def inputs(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Features, words and padding; lengths are ragged and one caption has a single word.

        Scores have a spread of 2, as in trained models, whatever the channels.
        """
        generator = torch.Generator().manual_seed(1)
        height, width = self.size
        features = torch.randn(self.batch, self.channels, height, width, generator=generator)
        words = torch.randn(self.batch, self.channels, self.words, generator=generator)
        words *= 2 / self.channels**0.5
        lengths = torch.randint(1, self.words + 1, (self.batch, 1), generator=generator)
        lengths[0] = self.words
        if self.batch > 1:
            lengths[1] = 1
        features, words = features.to(dtype), words.to(dtype)
        if self.layout == "channels-last":
            features = features.to(memory_format=torch.channels_last)
        elif self.layout == "sliced":
            around = features.new_zeros(self.batch, self.channels, 2 * height, 2 * width)
            around[:, :, ::2, ::2] = features
            features = around[:, :, ::2, ::2]
        elif self.layout == "turned":
            features = features.transpose(2, 3).contiguous().transpose(2, 3)
        elif self.layout == "scattered-words":
            words = words.transpose(1, 2).contiguous().transpose(1, 2)
        return features, words, torch.arange(self.words) >= lengths

    def results(self, kernel: str, dtype: torch.dtype, *, precision: torch.dtype | None = None) -> Results:
        """What a kernel gives for inputs of a type, computed in that type or another."""
        features, words, padding = self.inputs(dtype)
        shape = (self.batch, 2 * self.channels if self.join else self.channels, *self.size)
        generator = torch.Generator().manual_seed(2)
        pull = torch.randn(shape, generator=generator).to(dtype)
        pull_weights = torch.randn(self.batch, self.words, *self.size, generator=generator).to(dtype)
        if precision is not None:
            features, words, pull, pull_weights = (
                one.to(precision) for one in (features, words, pull, pull_weights)
            )
        device = device_for(kernel)
        features, words, padding, pull, pull_weights = (
            moved(one, device) for one in (features, words, padding, pull, pull_weights)
        )
        features.requires_grad_()
        words.requires_grad_()
        operation = attend_and_join if self.join else word_attention
        context, weights = operation(features, words, padding, return_weights=True, kernel=kernel)
        assert weights is not None
        of_features, of_words = torch.autograd.grad(
            (context, weights), (features, words), (pull, pull_weights)
        )
        found = {"context": context, "weights": weights, "of features": of_features, "of words": of_words}
        return {name: value.detach().cpu() for name, value in found.items()}


def moved(value: Tensor, device: str) -> Tensor:
    """The tensor on a device with the strides that it has."""
    if value.device.type == device:
        return value
    room = torch.empty(value.untyped_storage().nbytes(), dtype=torch.uint8, device=device)
    there = room.view(value.dtype).as_strided(value.shape, value.stride(), value.storage_offset())
    return there.copy_(value)


def errors(found: Results, exact: Results) -> dict[str, float]:
    """The largest error of each result, relative to the largest of the exact numbers."""
    return {
        name: float((value.double() - exact[name]).abs().max() / exact[name].abs().max().clamp_min(1e-3))
        for name, value in found.items()
    }
