"""A small game of AttnGAN's parts, the same every time, for tests of the tasks."""

from __future__ import annotations

import copy
from functools import partial

import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_attngan.text import BiLSTM
from attnforge_gan.conditioning import Augmentation
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from torch import Tensor, nn

from attnforge.adversarial.task import AdversarialTask
from attnforge.interfaces import AdversarialStep, Batch, ImageFeatures, Loss, Progress
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, TaskSpec, TextSpec

DIM = 8
SIZES = (16, 32)


class Looker(nn.Module):
    """An image encoder with statistics and dropout, which only stay still in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.local = nn.Sequential(nn.Conv2d(3, DIM, 8, 8), nn.BatchNorm2d(DIM), nn.Dropout(0.1))
        self.frozen = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, images: Tensor) -> ImageFeatures:
        regions = self.frozen * self.local(images)
        return ImageFeatures(regions=regions, image=regions.mean(dim=(2, 3)))


def batch(count: int = 4, *, same_class: bool = False, seed: int = 0) -> Batch:
    noise = torch.Generator().manual_seed(seed)
    return Batch(
        image=torch.rand(count, 3, 32, 32, generator=noise) * 2 - 1,
        tokens=torch.randint(1, 9, (count, 5), generator=noise),
        lengths=torch.full((count,), 5),
        class_ids=torch.zeros(count, dtype=torch.long) if same_class else torch.arange(count),
        captions=("bird",) * count,
        keys=tuple(map(str, range(count))),
    )


def spec(**losses: Loss) -> TaskSpec:
    """The same small AttnGAN every time."""
    torch.manual_seed(7)
    text = BiLSTM(TextSpec(vocabulary_size=9), dim=DIM, embedding=6, dropout=0.1)
    generator = MultiStageGenerator(
        GeneratorSpec(words=DIM),
        conditioner=partial(Augmentation, dim=4),
        stages=[InitialStage, partial(RefineStage, attention=WordAttention, residual_blocks=1)],
        channels=4,
        base_size=16,
        noise=3,
    )
    judges = [
        JointDiscriminator(DiscriminatorSpec(image_size=size, sentence=DIM), channels=2) for size in SIZES
    ]
    return TaskSpec(
        text=text,
        image=Looker(),
        generator=generator,
        discriminators=tuple(judges),
        losses=losses or {"adversarial": BinaryCrossEntropyLoss(SPEC), "damsm": DamsmLoss(SPEC)},
    )


def at(share: float) -> Progress:
    """A share of a phase of twenty steps of four images, with eight images an epoch."""
    return Progress(step=round(20 * share), steps=20, batch_size=4, images=8)


def play(task: AdversarialTask | MatchingTask, *, progress: float = 0.0, seed: int = 0) -> dict[str, float]:
    torch.manual_seed(seed)
    return {name: float(value) for name, value in task.step(batch(), progress=at(progress)).items()}


def state(network: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(network.state_dict())


def judges_of(task: AdversarialTask) -> dict[str, nn.Module]:
    return {name: one for name, one in task.networks().items() if name.startswith("discriminator-")}


def gradients(network: nn.Module) -> list[Tensor]:
    found = [weight.grad for weight in network.parameters()]
    assert found
    return [grad.clone() for grad in found if grad is not None]


class Scaled(BinaryCrossEntropyLoss):
    """Weighs what the generator pays; notes the discriminators that each side saw."""

    def __init__(self, generator_weight: float) -> None:
        super().__init__(SPEC)
        self.generator_weight = generator_weight
        self.seen: list[Tensor] = []

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        self.seen.append(torch.cat([w.flatten() for w in _weights(step)]))
        return super().discriminator(step)

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        self.seen.append(torch.cat([w.flatten() for w in _weights(step)]))
        return {name: self.generator_weight * value for name, value in super().generator(step).items()}


def _weights(step: AdversarialStep) -> list[Tensor]:
    judge = step.discriminators[0]
    assert isinstance(judge, nn.Module)
    return [weight.detach().clone() for weight in judge.parameters()]
