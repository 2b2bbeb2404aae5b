"""The schema of recipes: each class below is one section, and its fields are the keys.

A recipe is decoded like any component: `Build[...]` fields are slots for components, dataclass fields are
sections, and everything else is a value that pydantic validates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

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
    Sampler,
    Task,
    TextEncoder,
    Tokenizer,
    Tracker,
)
from attnforge.ranges import BatchSize, CaptionLength, Count, ImageSide, Positive, Share
from attnforge.values import BatchOrder, OnBadImage, OnNotFinite, Truncate

DeviceName = Annotated[str, AfterValidator(computing_device)]
"""`auto`, or a device as torch names it, such as `cuda:1`; whether it exists is checked when a run starts."""
Precision = Literal["float32", "bf16", "fp16"]
TrainingPrecision = Literal["auto", "float32", "bf16", "fp16"]
"""Type of the inputs of convolutions and matrix products in training."""


@dataclass(frozen=True, kw_only=True)
class EncoderEvaluation:
    """How the encoders that a phase trains are measured, on real images of the test split and their captions.

    Args:
        metrics: Named metrics of encoders, such as `retrieval-recall`; by default nothing is measured.
        every: Steps between measurements; the last step is measured, too.
        captions: Number of captions of the test split, each with its image.
        batch_size: Images encoded at once; no value depends on it.
        seed: Seeds the choice of captions.
    """

    metrics: Mapping[str, Build[Metric]] = field(default_factory=dict)
    every: Positive = 500
    captions: Positive = 500
    batch_size: BatchSize = 50
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of training; a recipe's phases run in the order in which they are written.

    Args:
        task: What is trained.
        steps: Number of training steps. Give this or `epochs`.
        epochs: Number of passes over the data.
        batch_size: Images per step, over all processes.
        max_words: Longer captions are truncated to this many words.
        truncate: Which words of such captions are kept: `random` ones in their order, as in the official
            AttnGAN code, or the `first`.
        order: Order within a batch, which decides an image's neighbours: as `drawn`, or by `length` of the
            captions, the longest first, as in the official AttnGAN code.
        class_balance: How much more often images of small classes are read, from 0, where each image is read
            once in an epoch, to 1, where all classes are read as often: an image of a class of n images is
            chosen in proportion to n**-class_balance. For folders whose classes differ widely in size. With
            `images_per_caption`, it is the first image of each group that is chosen so. Tasks that choose
            classes themselves refuse it.
        captions: Captions of each image in a step, whose sentences are averaged, as GAN-INT-CLS does; only
            for adversarial tasks.
        images_per_caption: Images of each caption in a batch, for losses that compare them, such as
            `minibatch-deviation`; the generator gets as many noises for it. They are images that the caption
            describes, where the data knows them, or else that have the very same caption. Where these are too
            few, other images with captions of their own take their places.
        image_size: Side in pixels of the images; by default the generator's largest.
        log_every: Steps between lines of metrics.jsonl.
        sample_every: Steps between sheets of samples; 0 for none.
        checkpoint_every: Steps between checkpoints; 0 for only the last.
        evaluation: How the encoders are measured that the phase trains, into metrics.jsonl and its curves.
    """

    task: Build[Task]
    steps: Positive | None = None
    epochs: Positive | None = None
    batch_size: BatchSize = 16
    max_words: CaptionLength = 18
    truncate: Truncate = "random"
    order: BatchOrder = "drawn"
    class_balance: Share = 0.0
    captions: Annotated[int, Field(ge=1, le=1_000)] = 1
    images_per_caption: Annotated[int, Field(ge=1, le=1_000)] = 1
    image_size: ImageSide | None = None
    log_every: Positive = 20
    sample_every: Count = 500
    checkpoint_every: Count = 1000
    evaluation: EncoderEvaluation = field(default_factory=EncoderEvaluation)


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings that all phases share.

    Args:
        seed: Seeds every random choice of the run.
        device: Where to train; `auto` uses a GPU if there is one.
        workers: Processes that load data; 0 loads in the training process.
        threads: CPU threads of torch; by default torch's own choice.
        keep: Number of checkpoints of each phase to keep on disk, the newest.
        keep_every: Also keep the checkpoints whose step is a multiple of this; 0 for none.
        keep_best: Also keep the best checkpoint by this metric, a name in `evaluation.metrics`. It is saved
            when it is measured, so `evaluation.every` must be set; `RUN@best` names it.
        precision: `bf16` rounds the inputs of convolutions and matrix products to bfloat16, for which GPUs
            from Ampere on have faster units; weights, optimizer state, statistics and losses stay float32.
            `fp16` rounds to float16 instead, for GPUs before Ampere; losses are scaled, so that gradients do
            not vanish. `float32` uses torch's defaults. `auto` is `bf16` where processor or GPU multiplies
            bfloat16 in hardware, and `float32` elsewhere; `log.jsonl` of the run names which.
        tf32: Whether GPUs from Ampere on may shorten float32 factors to 10 bits of mantissa (TF32); by
            default torch's choice, which is to do so in convolutions only.
        micro_batch_size: Images that a process computes at once; by default its whole share of a batch. A
            batch is then computed in parts of this size, whose gradients are added up, so that large batches
            fit into little memory; statistics of batch normalisation, and images that losses compare with one
            another, are those of a part.
        compile: Compile generators and image encoders with torch.compile, which takes a minute or two at the
            start of every phase and once more for every other shape.
        process_timeout: Seconds after which a process that does not answer the others counts as failed, where
            several train together; longer than anything that the first does alone, such as sampling.
        deterministic: Use only algorithms that give the same bits in every run, and refuse others. On a CPU
            runs are bit-equal without it; on a GPU they are so only with it, and slower.
        channels_last: Store networks and images with the channels of a pixel together in memory, which
            bfloat16 convolutions on a GPU prefer; by default only networks on a CPU that are faster so.
            Checkpoints are the same.
        cuda_graphs: Capture adversarial steps as CUDA graphs after a few steps, and replay them, so that
            launching their kernels costs nothing; random numbers stay the same. Captions are then padded to
            `max_words`. A step that waits for the GPU is not captured, with one warning. No effect on a CPU.
        tune_convolutions: Let cuDNN benchmark its algorithms for each convolution in the first steps, and
            keep the fastest. The choice can differ between runs, and with it the last bits of results.
        on_bad_image: What to do with an image that cannot be read: `error` ends training with its name;
            `skip` takes another image, always the same one for the position, and writes the name to
            log.jsonl.
        on_not_finite: What to do when a loss, another scalar, a weight, a buffer or an optimizer state is
            infinite or NaN after a step: `error` ends training; `skip` returns to the weights before the
            step, writes its images to log.jsonl and continues with the next. For this it keeps a copy of all
            weights and optimizer states in host memory.
        changed_data: What to do when a run is resumed and its training data has changed: `refuse`, or
            `accept` with a warning.
    """

    seed: Count = 1
    device: DeviceName = "auto"
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    threads: Annotated[int, Field(ge=1, le=1_024)] | None = None
    keep: Positive = 2
    keep_every: Count = 0
    keep_best: str | None = None
    precision: TrainingPrecision = "float32"
    tf32: bool | None = None
    micro_batch_size: BatchSize | None = None
    compile: bool = False
    deterministic: bool = False
    process_timeout: Annotated[float, Field(gt=0, le=1_000_000)] = 1_800
    channels_last: bool | None = None
    cuda_graphs: bool = False
    tune_convolutions: bool = False
    on_bad_image: OnBadImage = "error"
    on_not_finite: OnNotFinite = "error"
    changed_data: Literal["refuse", "accept"] = "refuse"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The captions that are sampled repeatedly during training, with the same noise.

    Args:
        captions: Fixed captions; captions of the test split when empty.
        extras: What the images are to show besides `captions`, by name, such as `box: [0.1, 0.2, 0.5, 0.6]`:
            one value for all captions, or a list with one for each.
        count: Number of test captions when `captions` is empty.
        seed: Seeds the noise.
    """

    captions: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    count: Positive = 8
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is measured at the end of training, and during it.

    Args:
        metrics: Named metrics.
        every: Steps between measurements while a generator is trained, for curves of the metrics; 0
            measures only at the end.
        captions: Number of captions of the test split to generate images for.
        per_caption: Images of each caption, with different noise; metrics of diversity need two or more.
        batch_size: Images generated at once; no value depends on it.
        max_words: Longer captions are truncated to this many words; by default none is.
        truncate: Which words of such captions are kept: `random` ones or the `first`.
        seed: Seeds the choice of captions and of words in truncated ones, and the noise.
    """

    metrics: Mapping[str, Build[Metric]] = field(default_factory=dict)
    every: Count = 0
    captions: Positive = 500
    per_caption: Annotated[int, Field(ge=1, le=1_000)] = 1
    batch_size: BatchSize = 50
    max_words: CaptionLength | None = None
    truncate: Truncate = "random"
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole experiment.

    Args:
        summary: One line for `attnforge recipes`.
        advice: What to know before training, printed where it starts.
        data: Where images and captions come from.
        tokenizer: How captions become token ids.
        text: The text encoder.
        image: The image encoder; a recipe whose losses and metrics need none may leave it out.
        generator: The generator.
        discriminator: The discriminator; one is built for every image size of the generator.
        losses: Named terms of adversarial training.
        pretrained: Weights to take from elsewhere, by module: `encoders: RUN` for text and image encoder,
            `text`, `generator` or a module inside such as `generator.first`. A value is a run, a checkpoint
            or a .safetensors file; `RUN:NETWORK` names another network. Phases that train nothing but
            encoders are skipped when all encoders are taken, unless there is no other.
        phases: What is trained, in order.
        training: Settings that all phases share.
        sampling: How images are generated, in samples, metrics and commands; by default from Gaussian noise.
        samples: The captions that are sampled during training.
        evaluation: What is measured at the end of training, and during it.
        trackers: Where scalars and images are logged besides the run folder.
    """

    summary: str = ""
    advice: str = ""
    data: Build[Dataset]
    tokenizer: Build[Tokenizer]
    text: Build[TextEncoder]
    image: Build[ImageEncoder] | None = None
    generator: Build[Generator] | None = None
    discriminator: Build[Discriminator] | None = None
    losses: Mapping[str, Build[Loss]] = field(default_factory=dict)
    pretrained: Mapping[str, str] = field(default_factory=dict)
    phases: Mapping[str, Phase]
    training: Training = field(default_factory=Training)
    sampling: Build[Sampler] | None = None
    samples: Samples = field(default_factory=Samples)
    evaluation: Evaluation = field(default_factory=Evaluation)
    trackers: Mapping[str, Build[Tracker]] = field(default_factory=dict)
