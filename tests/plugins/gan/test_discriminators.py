"""The joint discriminator: any image size, with and without a sentence, both normalisations."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest
import torch
from attnforge_gan.discriminator import JointDiscriminator
from known_steps import prompt_of
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import Discriminator, Prompt
from attnforge.specs import DiscriminatorSpec

Norm = Literal["batch", "spectral"]


def built(
    size: int, *, norm: Norm = "batch", unconditional: bool = True, max_channels: int | None = None
) -> JointDiscriminator:
    torch.manual_seed(0)
    return JointDiscriminator(
        DiscriminatorSpec(image_size=size, sentence=6),
        channels=2,
        norm=norm,
        unconditional=unconditional,
        max_channels=max_channels,
    )


def some_images(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def prompts(count: int) -> Prompt:
    return prompt_of(torch.randn(count, 6, generator=torch.Generator().manual_seed(2)))


def rows(prompt: Prompt, *indices: int) -> Prompt:
    chosen = torch.tensor(indices)
    return prompt.mismatched(chosen, chosen)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
@pytest.mark.parametrize(("size", "width"), [(16, 4), (32, 8), (64, 16), (128, 16), (256, 16), (512, 16)])
def test_any_image_size_ends_at_4_pixels(size: int, width: int, norm: Norm) -> None:
    network = built(size, norm=norm)
    features = network.features(some_images(2, size))
    assert isinstance(network, Discriminator)
    assert features.shape == (2, width, 4, 4)
    assert network.logits(features, None).shape == (2,)
    assert network.logits(features, prompts(2)).shape == (2,)


@pytest.mark.parametrize("channels", [64, 96])
def test_parameters_of_the_paper(channels: int) -> None:
    with torch.device("meta"):
        counts = [
            sum(
                weight.numel()
                for weight in JointDiscriminator(
                    DiscriminatorSpec(image_size=size, sentence=256), channels=channels
                ).parameters()
            )
            for size in (64, 128, 256)
        ]
    expected = {
        64: [6_313_730, 19_424_002, 71_858_946],
        96: [13_304_450, 42_800_258, 160_774_274],
    }
    assert counts == expected[channels]


@pytest.mark.parametrize("size", [16, 64, 256])
def test_no_map_is_wider_than_the_bound(size: int) -> None:
    network = built(size, max_channels=8)
    widths = [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert max(widths) == min(8, 2 * size // 8)
    assert network(some_images(1, size), prompts(1)).shape == (1,)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_a_single_image_is_classified_as_in_a_batch(norm: Norm) -> None:
    network = built(64, norm=norm).eval()
    for prompt in (None, prompts(3)):
        together = network(some_images(3, 64), prompt)
        alone = [
            network(some_images(3, 64)[i : i + 1], None if prompt is None else rows(prompt, i))
            for i in range(3)
        ]
        torch.testing.assert_close(torch.cat(alone), together, rtol=1e-4, atol=1e-5)


def test_the_sentence_matters_to_one_head_only() -> None:
    network = built(64).eval()
    features = network.features(some_images(2, 64))
    matched = network.logits(features, prompts(2))
    assert not torch.allclose(matched, network.logits(features, rows(prompts(2), 1, 0)))
    assert not torch.allclose(matched, network.logits(features, None))


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_gradients_reach_the_image_and_every_weight(norm: Norm) -> None:
    network, images = built(64, norm=norm), some_images(3, 64).requires_grad_()
    features = network.features(images)
    logits = network.logits(features, None) + network.logits(features, prompts(3))
    torch.autograd.backward(logits.sum())
    for tensor in (images, *network.parameters()):
        assert tensor.grad is not None
        assert bool(tensor.grad.isfinite().all())
    assert bool(images.grad is not None and images.grad.any())


def test_spectral_normalisation_bounds_every_convolution() -> None:
    network = built(64, norm="spectral")
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(5)
        for _ in range(60):
            network(some_images(2, 64), prompts(2))
        network.eval()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                largest = torch.linalg.matrix_norm(module.weight.flatten(1), ord=2)
                assert float(largest) == pytest.approx(1, abs=0.05)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_without_the_unconditional_head_only_pairs_are_classified() -> None:
    network = built(64, unconditional=False)
    features = network.features(some_images(2, 64))
    assert network.logits(features, prompts(2)).shape == (2,)
    with pytest.raises(RecipeError) as raised:
        network.logits(features, None)
    assert raised.value.problems[0].code == "no-unconditional-head"


@pytest.mark.parametrize("size", [1, 8, 48, 100])
def test_sizes_that_cannot_be_halved_to_4_are_refused(size: int) -> None:
    with pytest.raises(RecipeError) as raised:
        built(size)
    assert raised.value.problems[0].code == "image-size"


def test_a_state_dict_restores_the_logits() -> None:
    for norm, unconditional in itertools.product(("batch", "spectral"), (True, False)):
        first = built(32, norm=norm, unconditional=unconditional)  # type: ignore[arg-type]
        first(some_images(4, 32), prompts(4))
        torch.manual_seed(9)
        second = JointDiscriminator(
            DiscriminatorSpec(image_size=32, sentence=6),
            channels=2,
            norm=norm,  # type: ignore[arg-type]
            unconditional=unconditional,
        )
        second.load_state_dict(first.state_dict())
        judged = [network.eval()(some_images(2, 32), prompts(2)) for network in (first, second)]
        torch.testing.assert_close(*judged)
