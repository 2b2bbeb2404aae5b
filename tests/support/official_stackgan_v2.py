"""StackGAN-v2's networks with official weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.stages import InitialStage
from attnforge_gan.conditioning import Augmentation, NoCondition
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_stackgan.official_tree_names import features_first, kind_of, names_of
from attnforge_stackgan.tree_stage import TreeStage
from golden_vectors import weights
from official_stackgan import CONDITION, NOISE, TEXT, Network

from attnforge.specs import DiscriminatorSpec, GeneratorSpec

SIZES = (64, 128, 256)


def tree(
    *, captions: bool, words: int = TEXT, channels: int = 16, dim: int = CONDITION, **options: Any
) -> Any:
    """A generator of three branches; at full width with 64 channels and a condition of 128."""
    return MultiStageGenerator(
        GeneratorSpec(words=words),
        conditioner=partial(Augmentation, dim=dim) if captions else NoCondition,
        stages=[InitialStage, TreeStage, TreeStage],
        channels=(channels, channels // 2, channels // 4),
        **options,
    )


def judge(
    size: int, *, captions: bool, channels: int = 4, dim: int = CONDITION, unconditional: bool = True
) -> JointDiscriminator:
    return JointDiscriminator(
        DiscriminatorSpec(image_size=size, sentence=TEXT, condition=dim if captions else 0),
        channels=channels,
        conditional=captions,
        unconditional=unconditional,
        condition="mean",
    )


def official_names(network: str) -> dict[str, str]:
    """Our name of every tensor of an official network, by its official name and in the official order."""
    official = list(weights("stackgan_v2", network))
    kind = kind_of(official)
    assert kind is not None
    ours = names_of(kind, official)
    assert ours.keys() == set(official)
    return {name: ours[name] for name in official}


def loaded(network: Network, official: str) -> Network:
    """The network, with its official weights."""
    names = official_names(official)
    state = weights("stackgan_v2", official)
    network.load_state_dict({names[name]: features_first(name, value) for name, value in state.items()})
    return network


def official_tree(*, captions: bool = True) -> Any:
    name = "generator" if captions else "generator_unconditional"
    return loaded(tree(captions=captions, noise=NOISE), name)


def official_judge(size: int, *, captions: bool = True) -> JointDiscriminator:
    suffix = "" if captions else "_unconditional"
    return loaded(judge(size, captions=captions), f"discriminator{size}{suffix}")


def named_fakes() -> list[torch.Tensor]:
    """The generated images of the numbers of the colour loss start from these."""
    from official_stackgan import official_images

    return [0.5 * official_images("fake", size) + 0.1 * index for index, size in enumerate(SIZES)]
