"""What attnforge hands to a component: one frozen spec, the argument before `*` of its constructor.

A spec carries only what the component cannot know from its own recipe section: the widths of its
neighbours, image sizes, the vocabulary's size, or live neighbours. Fields are added only with defaults,
because these dataclasses are the plugin interface.

No spec names a device. A module is built on the CPU, with torch's generator seeded by the name of the part,
and moved afterwards; or on the `meta` device, where there are shapes and no numbers. So a constructor draws
its weights as torch does and reads none of them, and `forward` makes new tensors where its inputs are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnforge import interfaces
    from attnforge.train.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    """For a text encoder."""

    vocabulary_size: int
    """How many token ids the tokenizer can give; ids lie in [0, vocabulary_size), 0 is padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """For an image encoder: it maps images into the text encoder's space."""

    dim: int
    """Width of the common space: regions and image vectors have this many channels."""
    image_size: int
    """Side in pixels of the images that it will usually see; a phase may have others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionerSpec:
    """For a conditioner, which turns a sentence vector into the generator's condition."""

    sentence: int
    """Width of the sentence vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSpec:
    """For an attention block inside a stage."""

    channels: int
    """Channels of the feature map that asks; the context has as many."""
    words: int
    """Width of a word vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """For one stage of a generator."""

    channels: int
    """Channels of the hidden map that the stage gives."""
    in_channels: int | None
    """Channels of the hidden map that it is given; None for the first stage."""
    in_size: int | None
    """Side in pixels of that map; None for the first stage."""
    out_size: int
    """Side in pixels of the hidden map that it gives."""
    condition: int
    """Width of the condition, noise included."""
    words: int
    """Width of a word vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """For a generator."""

    words: int
    """Width of a word vector; the sentence vector has the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorSpec:
    """For one discriminator; attnforge builds one for every image size of the generator."""

    image_size: int
    """Side in pixels of the images that it judges."""
    sentence: int
    """Width of the sentence vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """For a data set."""

    split: str
    """`train` or `test`."""
    image_size: int
    """Side in pixels of the square images that it must give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """For a task: the live parts that it trains or uses. Parts that it did not ask for are absent."""

    text: interfaces.TextEncoder
    image: interfaces.ImageEncoder
    generator: interfaces.Generator | None = None
    discriminators: tuple[interfaces.Discriminator, ...] = ()
    losses: Mapping[str, interfaces.Loss] = field(default_factory=dict)
    engine: Engine | None = None
    """How steps are computed; without one, as plain torch computes: `spec.engine or Engine()`."""
    classes: int | None = None
    """How many classes the training images are of, counted to two; None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """For a metric: what it may judge with. Encoders are where the images are that it is given."""

    encode: Callable[[Sequence[str]], interfaces.TextFeatures]
    """Encodes captions, each of which has a known word, without gradients."""
    image: interfaces.ImageEncoder
    tokenizer: interfaces.Tokenizer
    data: interfaces.Dataset
    """The split that the judged captions come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSpec:
    """For a tracker, which carries scalars and images of a run elsewhere."""

    run: str
    """Path of the run folder, which is there; a run that goes on hands in the same one again."""
    recipe: Mapping[str, object]
    """The frozen recipe, as plain data."""
