"""What attnforge passes to a component: one frozen spec, the argument before `*` of its constructor.

A spec holds only what the component cannot know from its own recipe section: the widths of its neighbours,
image sizes, the vocabulary's size, or the neighbours themselves. Fields are added only with defaults, because
these dataclasses are part of the plugin interface.

No spec names a device. A module is built on the CPU, with torch's generator seeded by the name of the part,
and moved afterwards; or on the `meta` device, where tensors have shapes and no data. So a constructor
initialises its weights as torch does and never reads them, and `forward` creates tensors on the device of
its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from attnforge.errors import Problem, RecipeError

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor, nn

    from attnforge import interfaces
    from attnforge.compute.engine import Engine
    from attnforge.values import OnBadImage


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    """For a text encoder."""

    vocabulary_size: int
    """How many token ids the tokenizer can return; ids lie in [0, vocabulary_size), 0 is padding."""
    blank: int | None = None
    """The id of unknown tokens that keep their place in a caption; None where they are skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """For an image encoder: it maps images into the text encoder's space."""

    dim: int
    """Width of the common space: regions and image vectors have this many channels."""
    image_size: int
    """Side in pixels of the images that it usually gets; a phase may use others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionerSpec:
    """For a conditioner, which turns a sentence vector into the generator's condition."""

    sentence: int
    """Width of the sentence vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSpec:
    """For an attention block inside a stage."""

    channels: int
    """Channels of the feature map that attends (the query); the context has as many."""
    words: int
    """Width of a word vector."""
    size: int | None = None
    """Side in pixels of the feature map; None where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """For one stage of a generator."""

    channels: int
    """Channels of the hidden map that the stage outputs."""
    in_channels: int | None
    """Channels of its input map; None for the first stage."""
    in_size: int | None
    """Side in pixels of its input map; None for the first stage."""
    out_size: int
    """Side in pixels of the hidden map that it outputs."""
    condition: int
    """Width of the condition, noise included."""
    words: int
    """Width of a word vector."""
    noise: int = 0
    """Width of the noise, which are the last values of the condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """For a generator."""

    words: int
    """Width of a word vector and of the sentence vector."""
    extras: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes, without the batch, of the extras in every prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorSpec:
    """For one discriminator; attnforge builds one for every image size of the generator."""

    image_size: int
    """Side in pixels of its input images."""
    sentence: int
    """Width of the sentence vector."""
    condition: int | None = None
    """Width of the condition that the generator samples; None if it samples none."""
    extras: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes, without the batch, of the extras in every prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSpec:
    """For a loss: what it trains."""

    words: int
    """Width of a word vector and of the sentence vector."""
    vocabulary_size: int
    """How many token ids there are; `prompt.tokens` lie in [0, vocabulary_size), 0 is padding."""
    image_sizes: tuple[int, ...]
    """Sides in pixels of the generator's images, smallest first."""
    condition: int | None = None
    """Width of the condition that the generator samples; None if it samples none."""
    unconditional: bool = True
    """Whether every discriminator can classify images without a prompt."""
    extras: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes, without the batch, of the extras in every prompt."""
    image_encoder: bool = True
    """Whether the recipe has an image encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSpec:
    """For a scorer: what it may score with. Encoders are on the device of the images."""

    words: int
    """Width of a word vector and of the sentence vector."""
    image: interfaces.ImageEncoder | None = None
    """None where the recipe has no image encoder."""


def _no_network(name: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSpec:
    """For a sampler: the generator that it asks."""

    generator: interfaces.Generator
    """In evaluation mode, on the device of the prompts."""
    scoring: Callable[[], ScorerSpec]
    """The spec of its scorer, if it has one; building the image encoder may take seconds."""
    network: Callable[[str], nn.Module | None] = _no_network
    """A network that a task of the run has trained, by its name in checkpoints; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """For a data set."""

    split: str
    """`train` or `test`."""
    image_size: int
    """Side in pixels of the square images that it must return."""
    on_bad_image: OnBadImage = "error"
    """Whether obviously damaged images are refused at once, or left to the loader, which skips them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """For a task: the built parts that it trains or uses. Parts not in its `needs` are absent."""

    text: interfaces.TextEncoder
    image: interfaces.ImageEncoder | None = None
    """None where the recipe has no image encoder."""
    generator: interfaces.Generator | None = None
    discriminators: tuple[interfaces.Discriminator, ...] = ()
    losses: Mapping[str, interfaces.Loss] = field(default_factory=dict)
    engine: Engine | None = None
    """How steps are computed; without one, by plain torch: `spec.engine or Engine()`."""
    classes: int | None = None
    """Number of classes in the training images, counted up to two; None where unknown."""
    extras: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes, without the batch, of the extras in every batch."""


class Features(Protocol):
    """A feature network as the metrics of an evaluation share it, with the features of real images."""

    network: interfaces.FeatureNetwork
    label: str
    """The network and a digest of its protocol, for the names of values."""
    features_row: str
    """The name of the rows of features."""
    logits_row: str
    """The name of the rows of logits."""

    def extractors(self, *, logits: bool = False) -> dict[str, interfaces.Extractor]:
        """The extractor of features by the name of their rows; or that of logits.

        Raises:
            RecipeError: logits are asked of a network that does not classify.
        """
        ...

    def of_data(self, split: str = "test") -> Float[Tensor, "n d"]:
        """The features of all real images of a split, in their order; computed once and kept on disk.

        Raises:
            RecipeError: there is no data.
        """
        ...

    def classes_of_data(self, split: str = "test") -> Int[Tensor, "n"]:
        """The classes of these images.

        Raises:
            RecipeError: there is no data.
        """
        ...


def _no_features(network: Callable[[], interfaces.FeatureNetwork]) -> Features:
    message = "metrics that compare features need an evaluation, which provides the real images"
    raise RecipeError(Problem("no-reference", message, expected="a `MetricSpec` with `features`"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """For a metric: what it may score with. Encoders are on the device of the images."""

    encode: Callable[[Sequence[str]], interfaces.TextFeatures] | None
    """Encodes captions, each with at least one known word, without gradients; None where images of another
    system are measured."""
    image: interfaces.ImageEncoder | None
    """None where the recipe has no image encoder."""
    tokenizer: interfaces.Tokenizer | None
    """None where `encode` is."""
    data: interfaces.Dataset | None
    """The split that the captions come from; None where images are measured without real ones."""
    features: Callable[[Callable[[], interfaces.FeatureNetwork]], Features] = _no_features
    """Shares what a slot `Build[FeatureNetwork]` builds: `spec.features(network)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSpec:
    """For a tracker, which logs scalars and images of a run elsewhere."""

    run: str
    """Path of the run folder, which exists; the same path when the run is resumed."""
    recipe: Mapping[str, object]
    """The frozen recipe, as plain data."""
