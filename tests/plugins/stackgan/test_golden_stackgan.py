"""StackGAN's networks, losses and steps against numbers of the official code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attnforge_gan.conditioning import Augmentation
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_gan.divergence import ConditioningLoss
from attnforge_gan.losses import BinaryCrossEntropyLoss
from attnforge_stackgan.first import FirstStage
from attnforge_stackgan.second import SecondStage
from golden_vectors import assert_near, vectors, weights
from official_stackgan import (
    CONDITION,
    TEXT,
    adversarial_step,
    discriminator,
    drawing,
    first_stage,
    loss_spec,
    official_images,
    official_names,
    prompt_of,
    second_stage,
    uniform,
)
from torch import Tensor, nn

from attnforge.interfaces import Condition, GeneratorOutput
from attnforge.specs import ConditionerSpec, DiscriminatorSpec, GeneratorSpec

SIZES = {1: 64, 2: 256}
EVERY = {1: 3, 2: 13}
MODES = ("eval", "train")


def assert_image_near(image: Tensor, expected: dict[str, Tensor], name: str, every: int) -> None:
    assert_near(image[..., ::every, ::every], expected[f"{name}_every{every}"])
    assert_near(image.mean(dim=(2, 3)), expected[f"{name}_mean"])
    assert_near(image.std(dim=(2, 3)), expected[f"{name}_std"])


def assert_norms_near(network: nn.Module, official: str, expected: Tensor) -> None:
    """The norm of each parameter's gradient, in the official order."""
    parameters = dict(network.named_parameters())
    names = [name for name in official_names(official).values() if name in parameters]
    gradients = [parameters[name].grad for name in names]
    norms = torch.stack([expected.new_zeros(()) if value is None else value.norm() for value in gradients])
    torch.testing.assert_close(norms, expected, rtol=1e-3, atol=1e-6 * float(expected.max()))


def test_conditioning_augmentation() -> None:
    expected = vectors("stackgan", "ca")
    conditioner = Augmentation(ConditionerSpec(sentence=TEXT), dim=CONDITION, gate="relu")
    state = weights("stackgan", "ca")
    conditioner.load_state_dict({f"linear.{name.removeprefix('fc.')}": state[name] for name in state})
    with drawing((conditioner, expected["eps"])), torch.no_grad():
        condition = conditioner(expected["text"])
    assert_near(condition.mean, expected["mu"])
    assert_near(condition.logvar, expected["logvar"])
    assert_near(condition.value, expected["code"])
    assert condition.mean.min() >= 0
    assert condition.logvar.min() >= 0


def test_divergence() -> None:
    expected = vectors("stackgan", "kl")
    condition = Condition(expected["mu"], expected["mu"], expected["logvar"])
    images = (torch.zeros(4, 3, 64, 64),)
    step = adversarial_step(
        prompt_of(torch.zeros(4, TEXT)),
        real=images,
        fake=GeneratorOutput(images=images, attention=(), condition=condition),
        generator=first_stage(),
        discriminators=[discriminator(1)],
    )
    (value,) = ConditioningLoss(loss_spec([64])).generator(step).values()
    torch.testing.assert_close(value, expected["kl"], rtol=1e-4, atol=0)


@pytest.mark.parametrize("mode", MODES)
def test_images_of_the_first_stage(mode: str) -> None:
    expected = vectors("stackgan", f"stage1_generator_{mode}")
    stage: Any = first_stage().train(mode == "train")
    with drawing((stage.conditioner, expected["eps"])), torch.no_grad():
        output = stage(expected["noise"], prompt_of(expected["text"]))
    assert_image_near(output.images[0], expected, "image", 3)
    assert_near(output.condition.mean, expected["mu"])
    assert_near(output.condition.logvar, expected["logvar"])


@pytest.mark.parametrize("mode", MODES)
def test_images_of_the_second_stage(mode: str) -> None:
    expected = vectors("stackgan", f"stage2_generator_{mode}")
    stage: Any = second_stage().train(mode == "train")
    first: list[Tensor] = []
    stage.first.register_forward_hook(lambda *call: first.append(call[-1].images[0]))
    own, inner = (stage.conditioner, expected["eps"]), (stage.first.conditioner, expected["eps_stage1"])
    with drawing(own, inner), torch.no_grad():
        output = stage(expected["noise"], prompt_of(expected["text"]))
    assert_image_near(first[0], expected, "stage1", 3)
    assert_image_near(output.images[0], expected, "image", 13)
    assert_near(output.condition.mean, expected["mu"])
    assert_near(output.condition.logvar, expected["logvar"])


@pytest.mark.parametrize("mode", MODES)
def test_images_of_the_second_stage_from_other_first_images(mode: str) -> None:
    expected = vectors("stackgan", f"stage2_from_given_{mode}")
    stage: Any = second_stage().train(mode == "train")
    given = GeneratorOutput(images=(uniform("stage1_image", 64),), attention=())
    stage.first.forward = lambda noise, prompt: given
    with drawing((stage.conditioner, expected["eps"])), torch.no_grad():
        output = stage(torch.zeros(3, 12), prompt_of(expected["text"]))
    assert_image_near(output.images[0], expected, "image", 13)


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_logits(stage: int, mode: str) -> None:
    expected = vectors("stackgan", f"stage{stage}_discriminator_{mode}")
    network = discriminator(stage).train(mode == "train")
    prompt = prompt_of(torch.zeros(3, TEXT), condition=expected["condition"])
    with torch.no_grad():
        features = network.features(official_images("real", SIZES[stage]))
        assert_near(features, expected["features"])
        assert_near(network.logits(features, prompt).sigmoid(), expected["conditional"])
        assert network.unconditional == ("unconditional" in expected)
        if network.unconditional:
            assert_near(network.logits(features, None).sigmoid(), expected["unconditional"])


@pytest.mark.parametrize("stage", [1, 2])
def test_losses(stage: int) -> None:
    expected = vectors("stackgan", f"stage{stage}_losses")
    network = discriminator(stage).train()
    fake = official_images("fake", SIZES[stage]).requires_grad_()
    step = adversarial_step(
        prompt_of(torch.zeros(3, TEXT), condition=expected["condition"]),
        real=[official_images("real", SIZES[stage])],
        fake=GeneratorOutput(images=(fake,), attention=()),
        generator=first_stage(),
        discriminators=[network],
    )
    loss = BinaryCrossEntropyLoss(loss_spec([SIZES[stage]], unconditional=stage == 2))
    (total,) = loss.discriminator(step).values()
    torch.testing.assert_close(total, expected["discriminator"], rtol=1e-4, atol=0)
    total.backward()
    assert_norms_near(network, f"stage{stage}_discriminator", expected["grad_norms_discriminator"])
    (value,) = loss.generator(step).values()
    torch.testing.assert_close(value, expected["generator"], rtol=1e-4, atol=0)
    (gradient,) = torch.autograd.grad(value, fake)
    every = EVERY[stage]
    assert_near(gradient[..., ::every, ::every], expected[f"grad_fake_every{every}"], tolerance=1e-3)
    assert_near(gradient.std(dim=(2, 3)), expected["grad_fake_std"], tolerance=1e-3)


@pytest.mark.parametrize("stage", [1, 2])
def test_one_step_of_training(stage: int) -> None:
    """The discriminator's loss, one step of Adam, then the generator's loss and gradients.

    In float64: Adam's first step amplifies the rounding of small gradients, which differs between machines.
    """
    expected = {name: value.double() for name, value in vectors("stackgan", f"stage{stage}_step").items()}
    generator: Any = (first_stage() if stage == 1 else second_stage()).double().train()
    network, size = discriminator(stage).double().train(), SIZES[stage]
    noises = [(generator.conditioner, expected["eps"])]
    if stage == 2:
        noises.append((generator.first.conditioner, expected["eps_stage1"]))
    with drawing(*noises):
        fake = generator(expected["noise"], prompt_of(expected["text"]))
    step = adversarial_step(
        prompt_of(expected["text"], condition=fake.condition.mean.detach()),
        real=[official_images("real", size).double()],
        fake=fake,
        generator=generator,
        discriminators=[network],
    )
    spec = loss_spec([size], unconditional=stage == 2)
    loss, divergence = BinaryCrossEntropyLoss(spec), ConditioningLoss(spec, weight=2)
    (total,) = loss.discriminator(step).values()
    torch.testing.assert_close(total, expected["discriminator"], rtol=1e-4, atol=0)
    total.backward()
    assert_norms_near(network, f"stage{stage}_discriminator", expected["grad_norms_discriminator"])
    torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)).step()
    (after,) = loss.generator(step).values()
    torch.testing.assert_close(after, expected["generator_after_D_step"], rtol=1e-3, atol=0)
    (kl,) = divergence.generator(step).values()
    torch.testing.assert_close(kl, 2 * expected["kl"], rtol=1e-4, atol=0)
    (after + kl).backward()
    torch.testing.assert_close(after + kl, expected["total"], rtol=1e-3, atol=0)
    assert_norms_near(generator, f"stage{stage}_generator", expected["grad_norms_generator"])


@pytest.mark.parametrize(
    ("channels", "discriminating", "blocks", "counts"),
    [
        (128, 64, 4, (10_301_248, 36_591_328, 5_715_713, 71_269_122)),
        (192, 96, 2, (20_020_832, 57_151_312, 12_407_425, 159_889_538)),
    ],
    ids=["defaults", "coco"],
)
def test_the_published_sizes(
    channels: int, discriminating: int, blocks: int, counts: tuple[int, int, int, int]
) -> None:
    spec, options = GeneratorSpec(words=1024), {"channels": channels}

    def conditioner(spec: ConditionerSpec) -> Augmentation:
        return Augmentation(spec, dim=128, gate="relu")

    def first(spec: GeneratorSpec) -> FirstStage:
        return FirstStage(spec, conditioner=conditioner, channels=channels)

    with torch.device("meta"):
        networks = [
            first(spec),
            SecondStage(spec, conditioner=conditioner, first=first, residual_blocks=blocks, **options),
            *(
                JointDiscriminator(
                    DiscriminatorSpec(image_size=size, sentence=1024, condition=128),
                    channels=discriminating,
                    unconditional=size == 256,
                    condition="mean",
                )
                for size in (64, 256)
            ),
        ]
    assert tuple(sum(one.numel() for one in network.parameters()) for network in networks) == counts
