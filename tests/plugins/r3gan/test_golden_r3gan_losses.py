"""With official networks, losses, penalties and their gradients are the official ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from attnforge_r3gan.relativistic import RelativisticLoss
from attnforge_r3gan.zero_centred import ZeroCentredPenalty, estimated_slopes, squared_slopes
from r3gan_official import class_prompt, discriminator, generator, name_of
from r3gan_steps import OneWay, spec, step
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep

Read = Callable[[str], dict[str, Tensor]]


@pytest.fixture(params=[False, True], ids=["unconditional", "conditional"])
def conditional(request: pytest.FixtureRequest) -> bool:
    """Which of the official models."""
    return bool(request.param)


@pytest.fixture
def expected(golden: Read, conditional: bool) -> dict[str, Tensor]:
    """The official numbers."""
    return golden("losses_conditional" if conditional else "losses")


@pytest.fixture
def networks(official_weights: Read, conditional: bool) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator."""
    suffix = "_conditional" if conditional else ""
    return (
        generator(official_weights(f"generator{suffix}")),
        discriminator(official_weights(f"discriminator{suffix}")),
    )


@pytest.fixture
def official_step(
    expected: dict[str, Tensor], networks: tuple[nn.Module, nn.Module], real_images: Tensor, conditional: bool
) -> AdversarialStep:
    """The step that the official numbers are of, whose images are those before tanh."""
    generate, classify = networks
    prompt = class_prompt(expected["labels"])
    fake = generate.pixels(expected["noise"], prompt.sentence)
    return step(
        real=(real_images,),
        fake=(fake,),
        discriminators=(classify if conditional else OneWay(classify),),
        prompt=prompt,
    )


def test_the_discriminators_loss_and_gradients(
    expected: dict[str, Tensor],
    networks: tuple[nn.Module, nn.Module],
    official_step: AdversarialStep,
    official_weights: Read,
    conditional: bool,
) -> None:
    gamma = float(expected["gamma"])
    one_way = spec(32, unconditional=False)
    adversarial = RelativisticLoss(one_way).discriminator(official_step)["adversarial 32"]
    penalty = ZeroCentredPenalty(one_way, at="both", weight=gamma).discriminator(official_step)
    mean = partial(pytest.approx, rel=1e-4)
    assert adversarial.item() == mean(expected["discriminator_adversarial"].mean().item())
    assert penalty["R1 32"].item() == mean(gamma / 2 * expected["r1"].mean().item())
    assert penalty["R2 32"].item() == mean(gamma / 2 * expected["r2"].mean().item())
    total = adversarial + penalty["R1 32"] + penalty["R2 32"]
    assert total.item() == mean(expected["discriminator"].item())
    names = official_weights("discriminator_conditional" if conditional else "discriminator")
    _compare_gradients(total, networks[1], list(names), expected["grad_norms_discriminator"])


def test_the_generators_loss_and_gradients(
    expected: dict[str, Tensor],
    networks: tuple[nn.Module, nn.Module],
    official_step: AdversarialStep,
    official_weights: Read,
    conditional: bool,
) -> None:
    loss = RelativisticLoss(spec(32, unconditional=False))
    (total,) = loss.generator(official_step).values()
    assert total.item() == pytest.approx(expected["generator"].item(), rel=1e-4)
    names = official_weights("generator_conditional" if conditional else "generator")
    _compare_gradients(
        total, networks[0], list(names), expected["grad_norms_generator"], columns={"scale.weight": 10}
    )


def test_the_slope_of_every_image(expected: dict[str, Tensor], official_step: AdversarialStep) -> None:
    (network,), prompt = official_step.discriminators, official_step.prompt
    slopes = partial(squared_slopes, network, prompt=prompt, unconditional=False)
    for images, name in ((official_step.real[0], "r1"), (official_step.fake.images[0], "r2")):
        torch.testing.assert_close(slopes(images).detach(), expected[name][None], rtol=1e-4, atol=0)


@pytest.mark.long
def test_finite_differences_estimate_the_official_slopes(
    expected: dict[str, Tensor], official_step: AdversarialStep
) -> None:
    (network,), prompt = official_step.discriminators, official_step.prompt
    torch.manual_seed(0)
    with torch.no_grad():
        draws = [
            estimated_slopes(network, official_step.real[0], prompt, unconditional=False, distance=0.01)
            for _ in range(1000)
        ]
    # one draw deviates by sqrt 2, the mean of a thousand by 4.5%
    torch.testing.assert_close(torch.cat(draws).mean(dim=0), expected["r1"], rtol=0.15, atol=0)


def _compare_gradients(
    total: Tensor,
    network: nn.Module,
    official_names: list[str],
    expected: Tensor,
    *,
    columns: dict[str, int] | None = None,
) -> None:
    """Norms of all gradients, in the order of the official parameters.

    Args:
        total: What is differentiated.
        network: With respect to its weights.
        official_names: The official state dict's names; buffers are skipped.
        expected: The official norms.
        columns: How many columns of a weight the official one has, where it has fewer.
    """
    weights = dict(network.named_parameters())
    names = [name_of(name, network) for name in official_names if not name.endswith("Kernel")]
    assert set(names) <= set(weights)
    gradients = dict(zip(names, torch.autograd.grad(total, [weights[name] for name in names]), strict=True))
    if "embedding.weight" not in names:
        for name, count in (columns or {}).items():
            gradients[name] = gradients[name][:, :count]
    norms = torch.stack([gradients[name].norm() for name in names])
    torch.testing.assert_close(norms, expected, rtol=1e-3, atol=0)
