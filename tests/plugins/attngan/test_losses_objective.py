"""With official weights, the whole objective is the official one: networks and losses together."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
import torch
from attnforge_attngan.image_inception import InceptionEncoder
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.official_keys import DISCRIMINATOR, IMAGE, load_official
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC, step_of
from torch import Tensor

from attnforge.interfaces import (
    AdversarialStep,
    Condition,
    Discriminator,
    GeneratorOutput,
    TextFeatures,
)
from attnforge.specs import DiscriminatorSpec, ImageSpec

Read = Callable[[str], dict[str, Tensor]]
SIZES = (64, 128, 256)


@pytest.fixture
def step(
    golden: Read, official_weights: Read, uniform_images: Callable[[str, int], Tensor]
) -> AdversarialStep:
    given = golden("objective")
    encoder = InceptionEncoder(ImageSpec(dim=16, image_size=256), align_corners=False).eval()
    load_official(encoder, official_weights("image_encoder"), IMAGE)
    judges = []
    for size in SIZES:
        judge = JointDiscriminator(DiscriminatorSpec(image_size=size, sentence=16), channels=4).train()
        load_official(judge, official_weights(f"discriminator{size}"), DISCRIMINATOR)
        judges.append(cast("Discriminator", judge))
    nothing = torch.zeros(3, 20)
    return step_of(
        real=tuple(uniform_images(f"real{size}", size) for size in SIZES),
        fake=GeneratorOutput(
            images=tuple(uniform_images(f"fake{size}", size) for size in SIZES),
            attention=(),
            condition=Condition(value=nothing, mean=nothing, logvar=nothing),
        ),
        text=TextFeatures(
            words=given["words"],
            sentence=given["sentence"],
            padding=torch.arange(6) >= given["lengths"][:, None],
        ),
        class_ids=given["class_ids"],
        discriminators=tuple(judges),
        image_encoder=encoder,
    )


@pytest.mark.filterwarnings("ignore:the image encoder")
def test_the_objective(golden: Read, step: AdversarialStep) -> None:
    expected = golden("objective")
    torch.testing.assert_close(step.real[0][..., ::16, ::16], expected["real64"], rtol=0, atol=0)
    adversarial = BinaryCrossEntropyLoss(SPEC)
    matching = DamsmLoss(SPEC, weight=float(expected["lambda_"]), gamma1=float(expected["gamma1"]))
    with torch.no_grad():
        judged = adversarial.discriminator(step)
        drawn = {**adversarial.generator(step), **matching.generator(step)}
    assert list(judged) == [f"adversarial {size}" for size in SIZES]
    torch.testing.assert_close(
        torch.stack(list(judged.values())), expected["discriminator"], rtol=1e-4, atol=0
    )
    total = torch.stack(list(drawn.values())).sum()
    torch.testing.assert_close(total, expected["generator"], rtol=1e-4, atol=0)
