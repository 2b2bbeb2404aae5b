"""The same five training steps in one process or in several, for tests that compare the results."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_attngan.text import BiLSTM
from attnforge_df_gan.discriminator import OneWayDiscriminator
from attnforge_df_gan.generator import DeepFusionGenerator
from attnforge_df_gan.penalty import MatchingAwarePenalty
from attnforge_gan.conditioning import Augmentation
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_gan.losses import BinaryCrossEntropyLoss, HingeLoss
from small_game import DIM, Looker, batch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from attnforge.adversarial.normalisation import synchronise
from attnforge.adversarial.task import AdversarialTask
from attnforge.compute.collectives import average, rank, trained_buffers, world_size
from attnforge.compute.engine import Engine
from attnforge.interfaces import Batch, Progress, Task
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec, TaskSpec, TextSpec

IMAGES = 8
STEPS = 5
KINDS = ("attngan", "df-gan", "damsm")


SEPARATES = ("attnforge.adversarial.task", "attnforge_attngan.tasks.matching")
"""Modules that seed each process apart."""


class OwnRows(TorchFunctionMode):
    """Gives each process its rows of what one process with the whole batch would draw."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not torch.randn_like or world_size() == 1:
            return function(*args, **(kwargs or {}))
        (like,) = args
        whole = torch.randn(len(like) * world_size(), *like.shape[1:], dtype=like.dtype)
        return whole[rank() * len(like) : (rank() + 1) * len(like)]


def train(kind: str, micro_batch_size: int | None = None) -> dict[str, Tensor]:
    """Train this process's share for some steps: all weights and buffers, and the scalars of every step."""
    task = task_of(kind, Engine(micro_batch_size=micro_batch_size))
    results: dict[str, Tensor] = {}
    for step in range(STEPS):
        torch.manual_seed(step)
        whole = batch(IMAGES, seed=step)
        own = share_of(replace(whole, image=whole.image.double(), class_ids=torch.arange(IMAGES) // 2))
        progress = Progress(step=step, steps=STEPS, batch_size=IMAGES, images=IMAGES)
        with ExitStack() as alike:
            for module in SEPARATES:
                alike.enter_context(patch(f"{module}.separate_random_numbers"))
            alike.enter_context(OwnRows())
            torch.set_default_dtype(torch.float64)
            alike.callback(torch.set_default_dtype, torch.float32)
            scalars = task.step(own, progress=progress)
        average(trained_buffers(task.networks().values()))
        means = torch.stack([value.double() for value in scalars.values()])
        average([means])
        results |= {f"step {step} {name}": value for name, value in zip(scalars, means, strict=True)}
    for name, network in task.networks().items():
        results |= {f"{name}/{key}": value.double() for key, value in network.state_dict().items()}
        results |= {
            f"{name}/{key} gradient": weight.grad
            for key, weight in network.named_parameters()
            if weight.grad is not None
        }
    return results


def share_of(whole: Batch) -> Batch:
    count = IMAGES // world_size()
    rows = slice(rank() * count, (rank() + 1) * count)
    return replace(
        whole,
        image=whole.image[rows],
        tokens=whole.tokens[rows],
        lengths=whole.lengths[rows],
        class_ids=whole.class_ids[rows],
        captions=whole.captions[rows],
        keys=whole.keys[rows],
    )


def task_of(kind: str, engine: Engine) -> Task:
    torch.manual_seed(7)
    text = BiLSTM(TextSpec(vocabulary_size=9), dim=DIM, embedding=6, dropout=0.0).double()
    image = Looker().double()
    image.local[2] = nn.Identity()  # dropout would be drawn in each process apart
    if kind == "damsm":
        image.local[1] = nn.GroupNorm(2, DIM).double()
        return MatchingTask(TaskSpec(text=text, image=image, engine=engine))
    if kind == "attngan":
        generator: Any = MultiStageGenerator(
            GeneratorSpec(words=DIM),
            conditioner=partial(Augmentation, dim=4),
            stages=[InitialStage, partial(RefineStage, attention=WordAttention, residual_blocks=1)],
            channels=4,
            base_size=16,
            noise=3,
        )
        discriminators: list[Any] = [
            JointDiscriminator(DiscriminatorSpec(image_size=size, sentence=DIM), channels=2)
            for size in generator.image_sizes
        ]
        losses: dict[str, Any] = {
            "adversarial": BinaryCrossEntropyLoss(_spec(unconditional=True)),
            "damsm": DamsmLoss(_spec(unconditional=True)),
        }
    else:
        generator = DeepFusionGenerator(GeneratorSpec(words=DIM), image_size=32, channels=2, noise=3)
        discriminators = [OneWayDiscriminator(DiscriminatorSpec(image_size=32, sentence=DIM), channels=2)]
        spec = _spec(unconditional=False)
        losses = {
            "adversarial": HingeLoss(spec, mismatch="circular"),
            "penalty": MatchingAwarePenalty(spec),
        }
    for network in (generator, *discriminators):
        synchronise(network)
        network.double()
    return AdversarialTask(
        TaskSpec(
            text=text,
            image=image,
            generator=generator,
            discriminators=tuple(discriminators),
            losses=losses,
            engine=engine,
        )
    )


def _spec(*, unconditional: bool) -> LossSpec:
    return LossSpec(
        words=DIM,
        vocabulary_size=9,
        image_sizes=(32,),
        condition=None,
        unconditional=unconditional,
        extras={},
        image_encoder=True,
    )
