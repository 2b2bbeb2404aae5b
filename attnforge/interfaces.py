"""The interface of each kind of component: protocols with the shapes of every tensor.

Shape letters, used everywhere: b batch, l words of the longest caption, d width of a word or sentence
vector, c channels, h and w rows and columns, n noise, z condition. Images are RGB floats in [-1, 1].

A component is a plain class; one with weights is an `nn.Module`. The argument before `*` of its constructor
is passed by attnforge (one spec of `attnforge.specs`); the arguments after `*` are the recipe's options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from attnforge.kinds import KINDS
from attnforge.scheduled import Scheduled, ScheduledValues
from attnforge.slots import Build
from attnforge.values import (
    AttentionOutput,
    Batch,
    Condition,
    GeneratorOutput,
    ImageFeatures,
    NetworkOutput,
    Progress,
    Prompt,
    Sample,
    Situation,
    StageOutput,
    TextFeatures,
)

__all__ = [
    "INTERFACES",
    "AdversarialStep",
    "Attention",
    "AttentionOutput",
    "Batch",
    "Build",
    "Condition",
    "Conditioner",
    "Dataset",
    "Discriminator",
    "Extractor",
    "FeatureNetwork",
    "Generator",
    "GeneratorOutput",
    "ImageEncoder",
    "ImageFeatures",
    "Kernel",
    "Loss",
    "Metric",
    "NetworkOutput",
    "Progress",
    "Prompt",
    "Sample",
    "Sampler",
    "Scorer",
    "Situation",
    "Stage",
    "StageOutput",
    "Task",
    "TextEncoder",
    "TextFeatures",
    "Tokenizer",
    "Tracker",
    "WholeBatch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBatch:
    """The captions of a batch that several processes or micro-batches share, without gradients."""

    prompt: Prompt
    """The captions of all images, without extras, which belong to their images."""
    class_ids: Int[Tensor, "all"]
    first: int
    """The row here of the first image of the part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialStep:
    """What a loss sees in one adversarial step."""

    batch: Batch
    progress: Progress
    """How far the phase has come, for terms that change or that are computed in some steps only."""
    prompt: Prompt
    """What the images show: the encoded captions, without gradients, and the condition that was sampled."""
    real: tuple[Float[Tensor, "b 3 _ _"], ...]
    """Real images at every size the generator outputs, smallest first."""
    fake: GeneratorOutput
    generator: Generator
    discriminators: tuple[Discriminator, ...]
    """One per image size, smallest first."""
    image_encoder: ImageEncoder | None = None
    """None where the recipe has no image encoder."""
    everyone: WholeBatch | None = None
    """The captions of the whole batch, where `batch` is only a part of it: the share of a process, or a
    micro-batch."""
    scheduled: ScheduledValues | None = None
    """Where `value` reads schedules from, for CUDA graphs; without it, from `progress`."""

    def value(self, number: float | Scheduled) -> float | Float[Tensor, ""]:
        """An option that may follow a schedule, in this step."""
        if not isinstance(number, Scheduled):
            return number
        return number.at(self.progress) if self.scheduled is None else self.scheduled.value(number)


@runtime_checkable
class Tokenizer(Protocol):
    """Turns captions into token ids; fitted to captions once, then stored in checkpoints.

    Constructor: `__init__(self, *, ...)`.
    """

    @property
    def vocabulary_size(self) -> int: ...
    @property
    def fingerprint(self) -> str:
        """A short digest of everything that determines which id a word gets."""
        ...

    def fit(self, captions: Sequence[str]) -> None:
        """Learn the vocabulary; the same captions in any order give the same ids.

        A resumed run calls `load_state` with the checkpoint's state first; `fit` then replaces it.
        """
        ...

    def tokens(self, caption: str) -> list[str]:
        """The known tokens of a caption, in order: one for every id that `encode` returns."""
        ...

    def encode(self, caption: str) -> list[int]: ...
    def unknown(self, caption: str) -> list[str]:
        """The tokens of a caption that `encode` skips because they are not in the vocabulary."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything needed to restore the tokenizer, as plain JSON data."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None: ...


@runtime_checkable
class TextEncoder(Protocol):
    """Captions to word and sentence vectors. Constructor: `__init__(self, spec: TextSpec, *, ...)`."""

    dim: int
    """Width d of its word and sentence vectors."""

    def __call__(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures: ...


@runtime_checkable
class ImageEncoder(Protocol):
    """Images to region and image vectors. Constructor: `__init__(self, spec: ImageSpec, *, ...)`."""

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures: ...


@runtime_checkable
class Conditioner(Protocol):
    """Sentence to condition. Constructor: `__init__(self, spec: ConditionerSpec, *, ...)`."""

    dim: int
    """Width z of the condition."""

    def __call__(self, sentence: Float[Tensor, "b d"]) -> Condition: ...


@runtime_checkable
class Attention(Protocol):
    """Attention from pixels to words. Constructor: `__init__(self, spec: AttentionSpec, *, ...)`.

    Padded words get exactly zero weight; the result for a caption never depends on the rest of its batch.
    """

    def __call__(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput: ...


@runtime_checkable
class Stage(Protocol):
    """One step from coarse to fine. Constructor: `__init__(self, spec: StageSpec, *, ...)`."""

    def __call__(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        prompt: Prompt,
        /,
        *,
        return_attention: bool = False,
    ) -> StageOutput: ...


@runtime_checkable
class Generator(Protocol):
    """Noise and a prompt to images. Constructor: `__init__(self, spec: GeneratorSpec, *, ...)`."""

    noise: int
    """Width n of the noise."""
    image_sizes: tuple[int, ...]
    """Sides in pixels of its output images, smallest first."""

    def __call__(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, /, *, return_attention: bool = False
    ) -> GeneratorOutput: ...


@runtime_checkable
class Discriminator(Protocol):
    """Real or fake, at one image size. Constructor: `__init__(self, spec: DiscriminatorSpec, *, ...)`."""

    unconditional: bool
    """Whether `logits` can do without a prompt; False for one-way discriminators."""

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]: ...
    def logits(self, features: Float[Tensor, "b c h w"], prompt: Prompt | None, /) -> Float[Tensor, "b *"]:
        """Above 0 for real, below for fake; with a prompt, for real images that match it.

        One logit an image, or several, such as one for every patch.
        """
        ...


@runtime_checkable
class Loss(Protocol):
    """A weighted term of adversarial training. Constructor: `__init__(self, spec: LossSpec, *, ...)`.

    A loss with weights or buffers is an `nn.Module`: it is seeded, moved and saved as any part, and its
    trainable weights learn with the discriminators.

    Each method returns named scalars, which are summed; an empty dict adds nothing. `discriminator` is called
    first and detaches the generated images, so that no gradient reaches the generator; `generator` is called
    after the discriminators are updated, and their weights get no gradient from it.
    """

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]: ...
    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]: ...


@runtime_checkable
class Sampler(Protocol):
    """How a trained generator is asked for images. Constructor: `__init__(self, spec: SamplerSpec, *, ...)`.

    All random numbers come from torch's global generator, which attnforge seeds for each image, so that an
    image does not depend on the others of its batch. A sampler may enable gradients.
    """

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        """One image for each row of the prompt."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """How well images show their captions. Constructor: `__init__(self, spec: ScorerSpec, *, ...)`."""

    def __call__(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt, /) -> Float[Tensor, "b"]:
        """A score for each image, higher for better ones; gradients reach the images."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """Images with captions; if it has `key(index)` and `file(index)`, a resumed run detects changed data."""

    def __len__(self) -> int: ...
    def sample(self, index: int, *, seed: int) -> Sample:
        """Image `index` with one caption; crop, flip and caption depend on `seed` alone."""
        ...

    def captions(self, index: int) -> Sequence[str]:
        """All captions of image `index`, at least one."""
        ...

    def class_id(self, index: int) -> int: ...


@runtime_checkable
class FeatureNetwork(Protocol):
    """Images to the features that metrics compare. Constructor: `__init__(self, *, ...)`.

    An `nn.Module` with fixed weights, which no training of attnforge changes.
    """

    name: str
    """Its name in the names of values, so that nobody takes them for those of another network."""
    dim: int
    """Width d of the features."""
    classes: int
    """Number k of classes; 0 for a network that does not classify."""

    def protocol(self) -> Mapping[str, str]:
        """Everything that determines its output, by name: digest of the weights, resizing, layer."""
        ...

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        """The features of images in [-1, 1], of any size."""
        ...


Extractor = Callable[[Float[Tensor, "b 3 h w"], Sequence[str]], Shaped[Tensor, "b *row"]]
"""What a metric needs of each image: a row of numbers, which depends on the image and its caption alone."""


@runtime_checkable
class Metric(Protocol):
    """Scores generated images. Constructor: `__init__(self, spec: MetricSpec, *, ...)`.

    A metric has no state: attnforge extracts a row from each image, batch by batch and in any number of
    processes, and the values are computed from the rows of all images.
    """

    def extractors(self) -> Mapping[str, Extractor]:
        """What it needs of each image, by a name that contains everything that determines the rows.

        Metrics that give the same name share the rows, which are extracted once and kept on disk.
        """
        ...

    def compute(
        self, rows: Mapping[str, Shaped[Tensor, "n *row"]], captions: Sequence[str]
    ) -> Mapping[str, float | str]:
        """The values by name; where there are too few images for one, the reason under `NAME withheld`.

        Args:
            rows: What the extractors gave, by name, on the CPU: one row for each image, or none.
            captions: The caption of each image.
        """
        ...


@runtime_checkable
class Tracker(Protocol):
    """Logs a run's scalars and images elsewhere. Constructor: `__init__(self, spec: TrackerSpec, *, ...)`."""

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None: ...
    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None: ...
    def close(self) -> None:
        """Finish; a second call does nothing. A resumed run logs the steps after its checkpoint again."""


@runtime_checkable
class Task(Protocol):
    """What is trained, and how to do one step. Constructor: `__init__(self, spec: TaskSpec, *, ...)`."""

    needs: ClassVar[frozenset[str]]
    """The parts of the recipe that it uses besides the encoders: `generator, discriminators, losses`."""

    sampling_network: str | None
    """Which of its networks generates images, by name; None for a task that trains no generator."""

    def networks(self) -> Mapping[str, nn.Module]:
        """Every network whose weights belong in a checkpoint, by name."""
        ...

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]: ...
    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        """Train on one batch, update the weights, and return the scalars to log.

        `progress` is how far the phase has come, for schedules: `progress.share`, `progress.epoch`.
        """
        ...


@runtime_checkable
class Kernel(Protocol):
    """Computes an attention operation. Constructor: `__init__(self)`.

    The component's name includes the operation: `word-attention-gluon` is `kernel: gluon` of a word attention
    in a recipe. A plugin's kernel runs only where it is named; `auto` chooses among attnforge's own.
    """

    def refuse(self, situation: Situation) -> str | None:
        """Why it cannot run there, or None; a compiled model asks once per shape, without tensor values."""
        ...

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        """Run the operation with the arguments documented at its `OPERATION`, without `kernel`."""
        ...


INTERFACES: dict[str, type] = {name: globals()[kind.interface] for name, kind in KINDS.items()}
"""The protocol of each kind."""
