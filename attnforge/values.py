"""Values passed between components; `attnforge.interfaces` exports them and explains the shape letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.utils._pytree import register_dataclass

Truncate = Literal["random", "first"]
"""Which words of a caption that is too long are kept: a random choice in their order, or the first ones."""
OnBadImage = Literal["error", "skip"]
OnNotFinite = Literal["error", "skip"]
BatchOrder = Literal["drawn", "length"]
"""The order within a batch: as drawn, or the longest caption first."""


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """A batch of encoded captions."""

    words: Float[Tensor, "b d l"]
    sentence: Float[Tensor, "b d"]
    padding: Bool[Tensor, "b l"]
    """True where there is no word: after the words of a caption, which has at least one.

    The values of `words` there are undefined.
    """

    @property
    def lengths(self) -> Int[Tensor, "b"]:
        """How many words each caption has."""
        return (~self.padding).sum(dim=1)


@dataclass(frozen=True, slots=True)
class Condition:
    """The output of a conditioner: a value, and the Gaussian that it was drawn from.

    For a deterministic conditioner, the mean is the value and the log variance is zero.
    """

    value: Float[Tensor, "b z"]
    mean: Float[Tensor, "b z"]
    logvar: Float[Tensor, "b z"]

    def detached(self) -> Condition:
        """The same values without their gradients."""
        return Condition(self.value.detach(), self.mean.detach(), self.logvar.detach())

    def rows(self, indices: Int[Tensor, "k"]) -> Condition:
        """The conditions of some rows of the batch."""
        return Condition(self.value[indices], self.mean[indices], self.logvar[indices])


@dataclass(frozen=True, slots=True)
class Prompt(TextFeatures):
    """What each image of a batch is to show: its encoded caption, and what a data set gives besides."""

    extras: Mapping[str, Float[Tensor, "b *shape"]] = field(default_factory=dict)
    """Other inputs by name, with the shapes that the data set declares, such as a box of each image."""
    condition: Condition | None = None
    """What the generator sampled from the sentence, detached: for discriminators that compare images with it.

    None until the generator has run, and for generators that sample nothing.
    """
    tokens: Int[Tensor, "b l"] | None = None
    """The token ids of the captions, for losses that read or write captions."""

    @classmethod
    def of(
        cls,
        text: TextFeatures,
        *,
        extras: Mapping[str, Tensor] | None = None,
        condition: Condition | None = None,
        tokens: Int[Tensor, "b l"] | None = None,
    ) -> Prompt:
        """A prompt of captions that are already encoded.

        Args:
            text: The encoded captions.
            extras: Other inputs of each image, by name.
            condition: What the generator sampled from the sentences.
            tokens: The token ids of the captions.
        """
        return cls(text.words, text.sentence, text.padding, dict(extras or {}), condition, tokens)

    def mismatched(self, images: Int[Tensor, "k"], captions: Int[Tensor, "k"]) -> Prompt:
        """A prompt of k rows with the captions of some rows and the extras of others.

        A negative example is an image with the caption of another: `logits(features[images],
        prompt.mismatched(images, captions))`. What the image itself shows, its box say, stays true.

        Args:
            images: The rows that the extras are taken from.
            captions: The rows that captions, tokens and condition are taken from.
        """
        return Prompt(
            self.words[captions],
            self.sentence[captions],
            self.padding[captions],
            {name: extra[images] for name, extra in self.extras.items()},
            None if self.condition is None else self.condition.rows(captions),
            None if self.tokens is None else self.tokens[captions],
        )

    def rows(self, indices: Int[Tensor, "k"]) -> Prompt:
        """The prompts of some rows of the batch, in that order; a row may be repeated."""
        return self.mismatched(indices, indices)


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """A batch of encoded images, in the space of the text features."""

    regions: Float[Tensor, "b d h w"]
    image: Float[Tensor, "b d"]


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What a feature network makes of a batch of images."""

    features: Float[Tensor, "b d"]
    logits: Float[Tensor, "b k"] | None = None
    """Of its classes; None for a network that does not classify."""


@dataclass(frozen=True, slots=True)
class AttentionOutput:
    """The output of an attention block."""

    context: Float[Tensor, "b c h w"]
    weights: Float[Tensor, "b l h w"] | None
    """How much each pixel attends to each word, summing to one over words; None when not asked for."""


@dataclass(frozen=True, slots=True)
class StageOutput:
    """The output of one stage of a generator."""

    hidden: Float[Tensor, "b c h w"]
    attention: Float[Tensor, "b l _ _"] | None
    """The attention maps, at the size of the stage's input map; None without attention."""


@dataclass(frozen=True, slots=True)
class GeneratorOutput:
    """The output of a generator."""

    images: tuple[Float[Tensor, "b 3 _ _"], ...]
    """One batch of images per stage, smallest first, in [-1, 1]."""
    attention: tuple[Float[Tensor, "b l _ _"], ...]
    """One batch of maps per stage with attention, in order; empty when not asked for."""
    condition: Condition | None = None
    """The condition, when it was drawn from a Gaussian; None otherwise."""
    steps: Mapping[int, Float[Tensor, "b 3 _ _"]] = field(default_factory=dict)
    """The largest images on the way to the result, by the updates before each: of samplers that search."""
    extras: Mapping[str, Float[Tensor, "b *shape"]] = field(default_factory=dict)
    """What the images show besides their captions, by name, where the generator completed what was given."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a data set with one of its captions."""

    image: UInt8[Tensor, "3 h w"]
    """Pixel values, 0 to 255, in a square of the size that the spec asks for."""
    caption: str
    class_id: int
    key: str
    """A name of the image, unique in its data set."""
    extras: Mapping[str, Float[Tensor, "*shape"]] = field(default_factory=dict)
    """Other inputs of generators by name, as the data set declares; see `attnforge.optional.HasExtras`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a task trains on, already on its device."""

    image: Float[Tensor, "b 3 h w"]
    tokens: Int[Tensor, "b l"]
    lengths: Int[Tensor, "b"]
    class_ids: Int[Tensor, "b"]
    captions: tuple[str, ...]
    keys: tuple[str, ...]
    levels: UInt8[Tensor, "b 3 h w"] | None = None
    """The pixel values, 0 to 255, that `image` was made from; None when it was made otherwise."""
    extras: Mapping[str, Float[Tensor, "b *shape"]] = field(default_factory=dict)
    """The extras of the samples by name, stacked."""
    other_tokens: Int[Tensor, "k b m"] | None = None
    """Token ids of k further captions of each image; None where a phase takes one."""
    other_lengths: Int[Tensor, "k b"] | None = None
    """Their lengths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a phase has come when a step starts: what a schedule may depend on, the same after a resume."""

    step: int
    """Steps completed: 0 in the first."""
    steps: int
    """Steps of the whole phase."""
    batch_size: int
    """Images per step."""
    images: int
    """Images in the data; one pass over all of them is an epoch."""

    @property
    def share(self) -> float:
        """The completed share of the phase, in [0, 1)."""
        return self.step / self.steps

    @property
    def epoch(self) -> int:
        """Epochs completed: 0 during the first."""
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
    """What a kernel would have to compute, without the values: enough to choose one."""

    device: torch.device
    dtype: torch.dtype
    """Type of the inputs that are multiplied."""
    sizes: Mapping[str, int]
    """Lengths of the axes, by the letters in the operation's shapes."""
    gradient: bool = False
    """Whether a backward pass may follow."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The operation's options, by name."""


for _value in (
    TextFeatures,
    ImageFeatures,
    AttentionOutput,
    Condition,
    Prompt,
    StageOutput,
    GeneratorOutput,
):
    register_dataclass(_value, serialized_type_name=f"{__name__}.{_value.__name__}")
