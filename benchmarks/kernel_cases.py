"""What is measured: an operation at a size, and its inputs, the same for speed, memory and errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

MATCHING = "region-matching"
ATTENTION = "word-attention"
GAMMAS = {"gamma1": 4.0, "gamma2": 5.0}
"""Those of the official settings for birds."""
SHORTEST = 8
"""Words of the shortest caption of a ragged batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An operation at a size, on a device."""

    operation: str
    device: torch.device
    dtype: torch.dtype
    batch: int
    """Images, and as many captions."""
    queries: int
    """Pixels of a map, or regions of an image."""
    width: int
    """Channels of a pixel and a word."""
    words: int = 18
    ragged: bool = False
    """Whether captions have 8 words and more instead of all of them."""
    joined: bool = False
    """Whether word attention gives the features with the context behind them, as the generator wants."""
    channels_last: bool = False

    def lengths(self) -> list[int]:
        """Words of each caption."""
        shortest = min(SHORTEST, self.words) if self.ragged else self.words
        generator = torch.Generator().manual_seed(1)
        drawn: list[int] = torch.randint(
            shortest, self.words + 1, (self.batch,), generator=generator
        ).tolist()
        return drawn

    def inputs(self) -> Inputs:
        """Numbers that are the same whenever they are made; scores spread by 2, as in trained models."""
        generator = torch.Generator(self.device).manual_seed(1)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=self.device)

        words = drawn(self.batch, self.width, self.words) * (2 / self.width**0.5)
        if self.operation == MATCHING:
            asked, pull = drawn(self.batch, self.width, self.queries), drawn(self.batch, self.batch)
        else:
            side = _rows(self.queries)
            asked = drawn(self.batch, self.width, side, self.queries // side)
            pull = drawn(self.batch, self.width * (1 + self.joined), side, self.queries // side)
        lengths = torch.tensor(self.lengths(), device=self.device)
        padding = torch.arange(self.words, device=self.device) >= lengths[:, None]
        made = Inputs(asked=asked, words=words, lengths=lengths, padding=padding, pull=pull)
        return made.on(self.device, self.dtype, channels_last=self.channels_last and asked.ndim == 4)

    def of(self, dtype: torch.dtype) -> Case:
        """The same in another precision."""
        return replace(self, dtype=dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs of an operation."""

    asked: Tensor
    """The feature map, or the regions; a leaf with a gradient."""
    words: Tensor
    """A leaf with a gradient."""
    lengths: Tensor
    padding: Tensor
    pull: Tensor
    """The gradient of the result."""

    @property
    def leaves(self) -> tuple[Tensor, Tensor]:
        """What has a gradient."""
        return self.asked, self.words

    def detached(self) -> Inputs:
        """The same numbers, without gradients."""
        return replace(self, asked=self.asked.detach(), words=self.words.detach())

    def on(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool = False) -> Inputs:
        """The same numbers elsewhere, as new leaves."""
        layout = torch.channels_last if channels_last else torch.contiguous_format

        def moved(value: Tensor) -> Tensor:
            return value.detach().to(device, dtype, copy=True)

        return Inputs(
            asked=moved(self.asked).contiguous(memory_format=layout).requires_grad_(),
            words=moved(self.words).requires_grad_(),
            lengths=self.lengths.to(device),
            padding=self.padding.to(device),
            pull=moved(self.pull).contiguous(memory_format=layout),
        )


def joined_to(context: Tensor, inputs: Inputs) -> Tensor:
    """The features with a context behind them, by plain torch."""
    return torch.cat((inputs.asked, context), dim=1)


def situation_sizes(case: Case) -> dict[str, int]:
    """The sizes by the letters of the operation's shapes."""
    if case.operation == MATCHING:
        return {"i": case.batch, "t": case.batch, "d": case.width, "l": case.words, "n": case.queries}
    side = _rows(case.queries)
    return {
        "b": case.batch,
        "c": case.width,
        "l": case.words,
        "h": side,
        "w": case.queries // side,
    }


def _rows(pixels: int) -> int:
    """The height of a map of so many pixels: the root if that is whole."""
    return next(side for side in range(int(pixels**0.5), 0, -1) if pixels % side == 0)
