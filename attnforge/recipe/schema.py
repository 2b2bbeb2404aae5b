"""What a recipe may say: each class below is one section, and its fields are the keys.

A recipe is decoded like any component: `Build[...]` fields are slots for components, dataclass fields are
sections, everything else is a value that pydantic checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from attnforge.device_names import computing_device
from attnforge.interfaces import (
    Build,
    Dataset,
    Discriminator,
    Generator,
    ImageEncoder,
    Loss,
    Metric,
    Task,
    TextEncoder,
    Tokenizer,
    Tracker,
)
from attnforge.ranges import BatchSize, CaptionLength, Count, ImageSide, Positive
from attnforge.values import BatchOrder, Truncate

DeviceName = Annotated[str, AfterValidator(computing_device)]
"""`auto`, or a device as torch names it, such as `cuda:1`; whether there is one shows when a run starts."""
Precision = Literal["float32", "bf16"]
"""What factors of convolutions and matrix products are rounded to in training."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of training; a recipe's phases run in the order in which they are written.

    Args:
        task: What is trained.
        steps: How many batches to train on. Give this or `epochs`.
        epochs: How many times to go through the data.
        batch_size: Images a step.
        max_words: Captions longer than this lose words.
        truncate: Which words such captions keep: `random` ones, order kept, as the official AttnGAN code, or
            the `first`.
        order: How the images of a batch lie, which decides their neighbours: as they were `drawn`, or by
            `length` of their captions, the longest first, as in the official AttnGAN code.
        image_size: Side in pixels of the images; the generator's largest when not given.
        log_every: Steps between two lines of metrics.jsonl.
        sample_every: Steps between two sheets of samples; 0 for none.
        checkpoint_every: Steps between two checkpoints; 0 for only the last.
    """

    task: Build[Task]
    steps: Positive | None = None
    epochs: Positive | None = None
    batch_size: BatchSize = 16
    max_words: CaptionLength = 18
    truncate: Truncate = "random"
    order: BatchOrder = "drawn"
    image_size: ImageSide | None = None
    log_every: Positive = 20
    sample_every: Count = 500
    checkpoint_every: Count = 1000


@dataclass(frozen=True, kw_only=True)
class Training:
    """What all phases share.

    Args:
        seed: Decides every random choice of the run.
        device: `auto` takes a GPU where there is one.
        workers: Processes that load data; 0 loads in the training process.
        threads: CPU threads of torch; torch's own choice when not given.
        keep: How many checkpoints of each phase stay on disk.
        precision: `bf16` rounds the factors of convolutions and matrix products to bfloat16, for which GPUs
            from Ampere on have faster units; weights, optimizer state, statistics and losses stay float32.
            `float32` computes as torch does by itself.
        channels_last: Keep the channels of a pixel together in memory, in networks and images, as a GPU's
            bfloat16 convolutions want them. Checkpoints are the same.
        cuda_graphs: Record adversarial steps as CUDA graphs after a few, and replay them, so that launching
            their kernels costs nothing; random numbers stay the same. Captions are then padded to
            `max_words`. A step that waits for the GPU is not recorded, which is said once. Nothing changes
            on a CPU.
        tune_convolutions: Let cuDNN try its ways of computing each convolution of the first steps, and keep
            the quickest. Which that is can differ from run to run, and with it the last bits of results.
        changed_data: What happens when a run is resumed and its training data is not what it was: `refuse`,
            or `accept` with a warning.
    """

    seed: Count = 1
    device: DeviceName = "auto"
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    threads: Annotated[int, Field(ge=1, le=1_024)] | None = None
    keep: Positive = 2
    precision: Precision = "float32"
    channels_last: bool = False
    cuda_graphs: bool = False
    tune_convolutions: bool = False
    changed_data: Literal["refuse", "accept"] = "refuse"


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """The captions that are drawn again and again during training, with the same noise.

    Args:
        captions: Fixed captions; captions of the test split when empty.
        count: How many test captions to take when none are given.
        seed: Decides the noise.
    """

    captions: tuple[str, ...] = ()
    count: Positive = 8
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is measured when training ends, and while it goes.

    Args:
        metrics: Named figures.
        every: Steps between two measurements while a generator is trained, for curves of the figures; 0
            measures only in the end.
        captions: How many captions of the test split are drawn for them.
        batch_size: Images drawn at once; no value depends on it.
        max_words: Captions longer than this lose words; none does when not given.
        truncate: Which words such captions keep, `random` ones or the `first`.
        seed: Decides which captions, the words that long ones lose, and the noise.
    """

    metrics: Mapping[str, Build[Metric]] = field(default_factory=dict)
    every: Count = 0
    captions: Positive = 500
    batch_size: BatchSize = 50
    max_words: CaptionLength | None = None
    truncate: Truncate = "random"
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole experiment.

    Args:
        summary: One line for `attnforge recipes`.
        data: Where images and captions come from.
        tokenizer: How captions become token ids.
        text: The text encoder.
        image: The image encoder.
        generator: Draws images.
        discriminator: Judges images; one is built for every size of the generator.
        losses: Named terms of the adversarial game.
        encoders: A run folder, or a checkpoint, whose text and image encoder are taken; phases that train
            nothing else are then left out, unless there is no other.
        phases: What is trained, in order.
        training: What all phases share.
        sampling: The captions that are drawn during training.
        evaluation: What is measured in the end.
        trackers: Where figures are carried beside the run folder.
    """

    summary: str = ""
    data: Build[Dataset]
    tokenizer: Build[Tokenizer]
    text: Build[TextEncoder]
    image: Build[ImageEncoder]
    generator: Build[Generator] | None = None
    discriminator: Build[Discriminator] | None = None
    losses: Mapping[str, Build[Loss]] = field(default_factory=dict)
    encoders: str | None = None
    phases: Mapping[str, Phase]
    training: Training = field(default_factory=Training)
    sampling: Sampling = field(default_factory=Sampling)
    evaluation: Evaluation = field(default_factory=Evaluation)
    trackers: Mapping[str, Build[Tracker]] = field(default_factory=dict)
