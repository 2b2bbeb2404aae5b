"""StackGAN-v2's networks, losses and steps against numbers of the official code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attnforge_gan.divergence import ConditioningLoss
from attnforge_stackgan.colour import ColourConsistency, colours
from attnforge_stackgan.tree_loss import Logits, TreeLoss, discriminator_loss, generator_loss
from golden_vectors import assert_near, vectors
from official_stackgan import TEXT, adversarial_step, drawing, loss_spec, official_images, prompt_of
from official_stackgan_v2 import (
    SIZES,
    judge,
    named_fakes,
    official_judge,
    official_names,
    official_tree,
    tree,
)
from torch import Tensor, nn

from attnforge.interfaces import Condition, GeneratorOutput, Prompt

EVERY = (3, 7, 13)
MODES = ("eval", "train")


def assert_images_near(images: tuple[Tensor, ...], expected: dict[str, Tensor]) -> None:
    for index, (image, every) in enumerate(zip(images, EVERY, strict=True)):
        assert_near(image[..., ::every, ::every], expected[f"image{index}_every{every}"])
        assert_near(image.mean(dim=(2, 3)), expected[f"image{index}_mean"])
        assert_near(image.std(dim=(2, 3)), expected[f"image{index}_std"])


def assert_norms_near(network: nn.Module, official: str, expected: Tensor) -> None:
    parameters = dict(network.named_parameters())
    names = [name for name in official_names(official).values() if name in parameters]
    gradients = [parameters[name].grad for name in names]
    norms = torch.stack([expected.new_zeros(()) if value is None else value.norm() for value in gradients])
    torch.testing.assert_close(norms, expected, rtol=1e-3, atol=1e-6 * float(expected.max()))


@pytest.mark.parametrize("mode", MODES)
def test_images(mode: str) -> None:
    expected = vectors("stackgan_v2", f"generator_{mode}")
    generator = official_tree().train(mode == "train")
    with drawing((generator.conditioner, expected["eps"])), torch.no_grad():
        output = generator(expected["noise"], prompt_of(expected["text"]))
    assert_images_near(output.images, expected)
    assert_near(output.condition.mean, expected["mu"])
    assert_near(output.condition.logvar, expected["logvar"])


@pytest.mark.parametrize("mode", MODES)
def test_images_without_captions(mode: str) -> None:
    expected = vectors("stackgan_v2", f"generator_unconditional_{mode}")
    generator = official_tree(captions=False).train(mode == "train")
    with torch.no_grad():
        output = generator(expected["noise"], prompt_of(torch.zeros(3, TEXT)))
    assert_images_near(output.images, expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_logits(size: int, mode: str) -> None:
    expected = vectors("stackgan_v2", f"discriminator{size}")
    alone = vectors("stackgan_v2", f"discriminator{size}_unconditional")
    prompt = prompt_of(torch.zeros(3, TEXT), condition=expected["condition"])
    network, other = (official_judge(size, captions=captions) for captions in (True, False))
    with torch.no_grad():
        features = network.train(mode == "train").features(official_images("real", size))
        assert_near(network.logits(features, prompt).sigmoid(), expected[f"conditional_{mode}"])
        assert_near(network.logits(features, None).sigmoid(), expected[f"unconditional_{mode}"])
        features = other.train(mode == "train").features(official_images("real", size))
        assert_near(other.logits(features, None).sigmoid(), alone[f"logits_{mode}"])


def logits_of(network: Any, images: Tensor, prompt: Prompt | None, *, alone: bool = True) -> Logits:
    features = network.features(images)
    return Logits(
        None if prompt is None else network.logits(features, prompt),
        network.logits(features, None) if alone else None,
    )


@pytest.mark.parametrize("alone", [True, False])
def test_losses(alone: bool) -> None:
    """With the official wrong images, which the official code loads beside the batch."""
    expected = vectors("stackgan_v2", f"losses_conditional{'' if alone else '_no_uncond'}")
    mean, logvar = (expected[name].clone().requires_grad_() for name in ("mu", "logvar"))
    generated = []
    for index, (size, every) in enumerate(zip(SIZES, EVERY, strict=True)):
        network = official_judge(size).train()
        prompt = prompt_of(torch.zeros(3, TEXT), condition=mean.detach())
        real, wrong, fake = (official_images(name, size) for name in ("real", "wrong", "fake"))
        total = discriminator_loss(
            logits_of(network, real, prompt, alone=alone),
            logits_of(network, wrong, prompt, alone=alone),
            logits_of(network, fake, prompt, alone=alone),
        )
        torch.testing.assert_close(total, expected["discriminator"][index], rtol=1e-4, atol=0)
        total.backward()
        assert_norms_near(network, f"discriminator{size}", expected[f"grad_norms_discriminator{index}"])
        fake.requires_grad_()
        value = generator_loss(
            logits_of(network, fake, prompt_of(torch.zeros(3, TEXT), condition=mean), alone=alone)
        )
        generated.append(value)
        (gradient,) = torch.autograd.grad(value, fake, retain_graph=True)
        assert_near(
            gradient[..., ::every, ::every], expected[f"grad_fake{index}_every{every}"], tolerance=1e-3
        )
    condition = Condition(mean, mean, logvar)
    images = (torch.zeros(3, 3, 64, 64),)
    step = adversarial_step(
        prompt_of(torch.zeros(3, TEXT)),
        real=images,
        fake=GeneratorOutput(images=images, attention=(), condition=condition),
        generator=official_tree(),
        discriminators=[official_judge(64)],
    )
    (kl,) = ConditioningLoss(loss_spec([64]), weight=2).generator(step).values()
    torch.testing.assert_close(kl, expected["kl_weighted"], rtol=1e-4, atol=0)
    total = torch.stack(generated).sum() + kl
    torch.testing.assert_close(total, expected["generator"], rtol=1e-4, atol=0)
    total.backward()
    assert_near(mean.grad, expected["grad_mu"], tolerance=1e-3)
    assert_near(logvar.grad, expected["grad_logvar"], tolerance=1e-3)


def test_colour_consistency() -> None:
    expected = vectors("stackgan_v2", "losses_color_unconditional")
    images = [image.requires_grad_() for image in named_fakes()]
    step = adversarial_step(
        prompt_of(torch.zeros(3, TEXT)),
        real=images,
        fake=GeneratorOutput(images=tuple(images), attention=()),
        generator=official_tree(captions=False),
        discriminators=[],
    )
    for index, image in enumerate(images):
        mean, covariance = colours(image)
        assert_near(mean, expected[f"mean{index}"])
        assert_near(covariance, expected[f"covariance{index}"])
    (value,) = ColourConsistency(loss_spec(SIZES)).generator(step).values()
    torch.testing.assert_close(value, expected["color_terms"].sum(), rtol=1e-4, atol=0)
    value.backward()
    assert images[0].grad is None


@pytest.mark.parametrize("captions", [True, False])
def test_losses_with_colour_consistency(captions: bool) -> None:
    expected = vectors("stackgan_v2", f"losses_color_{'' if captions else 'un'}conditional")
    generated = []
    for index, (size, fake) in enumerate(zip(SIZES, named_fakes(), strict=True)):
        network = official_judge(size, captions=captions).train()
        mean = vectors("stackgan_v2", "losses_conditional")["mu"]
        prompt = prompt_of(torch.zeros(3, TEXT), condition=mean) if captions else None
        real, wrong = (logits_of(network, official_images(name, size), prompt) for name in ("real", "wrong"))
        total = discriminator_loss(real, wrong if captions else None, logits_of(network, fake, prompt))
        torch.testing.assert_close(total, expected["discriminator"][index], rtol=1e-4, atol=0)
        generated.append(generator_loss(logits_of(network, fake, prompt)))
    if not captions:
        value = torch.stack(generated).sum()
        torch.testing.assert_close(value, expected["generator_without_color"], rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("captions", "counts"),
    [
        (True, (21_239_696, 5_723_906, 18_834_178, 71_269_122)),
        (False, (16_472_208, 2_765_569, 15_875_841, 68_310_785)),
    ],
    ids=["birds", "unconditional"],
)
def test_the_published_sizes(captions: bool, counts: tuple[int, ...]) -> None:
    with torch.device("meta"):
        networks = [
            tree(captions=captions, words=1024, channels=64, dim=128, noise=100),
            *(judge(size, captions=captions, channels=64, dim=128) for size in SIZES),
        ]
    assert tuple(sum(one.numel() for one in network.parameters()) for network in networks) == counts


def test_one_step_of_training() -> None:
    """The discriminators' losses, one step of Adam each, then the generator's loss and gradients.

    In float64: Adam's first step amplifies the rounding of small gradients, which differs between machines.
    """
    expected = {name: value.double() for name, value in vectors("stackgan_v2", "step").items()}
    generator = official_tree().double().train()
    with drawing((generator.conditioner, expected["eps"])):
        fake = generator(expected["noise"], prompt_of(expected["text"]))
    condition = fake.condition
    judges = [official_judge(size).double().train() for size in SIZES]
    detached = prompt_of(expected["text"], condition=condition.mean.detach())
    for index, (network, size) in enumerate(zip(judges, SIZES, strict=True)):
        real, wrong = (official_images(name, size).double() for name in ("real", "wrong"))
        total = discriminator_loss(
            *(logits_of(network, images, detached) for images in (real, wrong, fake.images[index].detach()))
        )
        torch.testing.assert_close(total, expected["discriminator"][index], rtol=1e-4, atol=0)
        total.backward()
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)).step()
    step = adversarial_step(
        detached,
        real=[official_images("real", size).double() for size in SIZES],
        fake=fake,
        generator=generator,
        discriminators=judges,
    )
    spec = loss_spec(SIZES)
    value = torch.stack(list(TreeLoss(spec).generator(step).values())).sum()
    (kl,) = ConditioningLoss(spec, weight=2).generator(step).values()
    torch.testing.assert_close(kl, expected["kl_weighted"], rtol=1e-4, atol=0)
    torch.testing.assert_close(value + kl, expected["generator_after_D_step"], rtol=1e-3, atol=0)
    (value + kl).backward()
    assert_norms_near(generator, "generator", expected["grad_norms_generator"])


def test_wrong_images_of_a_batch_are_real_ones_with_other_captions() -> None:
    """The loss finds its wrong images in the batch; loaded beside it, they give the same numbers."""
    network = official_judge(64).eval()
    mean = vectors("stackgan_v2", "losses_conditional")["mu"]
    prompt = prompt_of(torch.zeros(3, TEXT), condition=mean)
    real, fake = official_images("real", 64), official_images("fake", 64)
    step = adversarial_step(
        prompt,
        real=[real],
        fake=GeneratorOutput(images=(fake,), attention=()),
        generator=official_tree(),
        discriminators=[network],
    )
    (value,) = TreeLoss(loss_spec([64])).discriminator(step).values()
    wrong = real[[2, 0, 1]]  # image i has the next caption, so caption i has the image before
    same = discriminator_loss(*(logits_of(network, images, prompt) for images in (real, wrong, fake)))
    torch.testing.assert_close(value, same)
