"""The values that travel between components; `attnforge.interfaces` offers them and explains the letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

Truncate = Literal["random", "first"]
"""Which words a caption keeps that has too many: a random choice in their order, or the first ones."""
BatchOrder = Literal["drawn", "length"]
"""How the items of a batch lie: as they were drawn, or the longest caption first."""


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """A batch of encoded captions."""

    words: Float[Tensor, "b d l"]
    sentence: Float[Tensor, "b d"]
    padding: Bool[Tensor, "b l"]
    """True where there is no word: behind a caption's own words, of which there is at least one.

    What `words` holds there has no meaning and may be anything.
    """

    @property
    def lengths(self) -> Int[Tensor, "b"]:
        """How many words each caption has."""
        return (~self.padding).sum(dim=1)


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """A batch of encoded images, in the text's space."""

    regions: Float[Tensor, "b d h w"]
    image: Float[Tensor, "b d"]


@dataclass(frozen=True, slots=True)
class AttentionOutput:
    """What an attention block gives a stage."""

    context: Float[Tensor, "b c h w"]
    weights: Float[Tensor, "b l h w"] | None
    """How much each pixel attends to each word, summing to one over words; None when not asked for."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a conditioner draws from a sentence: a value, and the Gaussian that it was drawn from.

    Where nothing is drawn, the mean is the value and the log variance is zero.
    """

    value: Float[Tensor, "b z"]
    mean: Float[Tensor, "b z"]
    logvar: Float[Tensor, "b z"]


@dataclass(frozen=True, slots=True)
class StageOutput:
    """What one stage of a generator gives the next."""

    hidden: Float[Tensor, "b c h w"]
    attention: Float[Tensor, "b l _ _"] | None
    """The maps of a stage that attends, at the size of the hidden map that it was given."""


@dataclass(frozen=True, slots=True)
class GeneratorOutput:
    """What a generator draws."""

    images: tuple[Float[Tensor, "b 3 _ _"], ...]
    """One batch of images a stage, smallest first, in [-1, 1]."""
    attention: tuple[Float[Tensor, "b l _ _"], ...]
    """One batch of maps for each stage that attends, in order; empty when not asked for."""
    condition: Condition | None = None
    """What the stages were told of the sentence, when it was drawn from a Gaussian; None otherwise."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a data set with one of its captions."""

    image: UInt8[Tensor, "3 h w"]
    """Grey levels, 0 to 255, in a square of the size that the spec asks for."""
    caption: str
    class_id: int
    key: str
    """A name of the image that is unique in its data set."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the collate function gives a task, already on the task's device."""

    image: Float[Tensor, "b 3 h w"]
    tokens: Int[Tensor, "b l"]
    lengths: Int[Tensor, "b"]
    class_ids: Int[Tensor, "b"]
    captions: tuple[str, ...]
    keys: tuple[str, ...]
    levels: UInt8[Tensor, "b 3 h w"] | None = None
    """The grey levels, 0 to 255, that `image` was made of; None when it was made of something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a phase is when a step is made: what a schedule may depend on, the same after a resume."""

    step: int
    """Steps behind: 0 in the first."""
    steps: int
    """Steps of the whole phase."""
    batch_size: int
    """Images a step."""
    images: int
    """Images in the data; going through all of them once is an epoch."""

    @property
    def share(self) -> float:
        """The share of the phase that lies behind, in [0, 1)."""
        return self.step / self.steps

    @property
    def epoch(self) -> int:
        """Epochs behind: 0 during the first."""
        return self.step * self.batch_size // self.images

    @property
    def starts_epoch(self) -> bool:
        """True in the first step of every epoch.

        Batches are full, so an epoch's last batch also holds the next one's first images; the next epoch
        starts with the step after it.
        """
        before = (self.step - 1) * self.batch_size // self.images
        return self.epoch > before


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What an operation is asked to do, without the numbers: enough to say which kernel can do it."""

    device: torch.device
    dtype: torch.dtype
    """Of the inputs that are multiplied."""
    sizes: Mapping[str, int]
    """The lengths of the axes, by the letters of the operation's shapes."""
    gradient: bool = False
    """Whether a backward pass may follow."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What is asked beside the inputs, by the names of the operation's options."""
