"""What R3GAN's networks refuse, and the options that decide their shape."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attnforge_r3gan.discriminator import R3GANDiscriminator
from attnforge_r3gan.generator import R3GANGenerator

from attnforge.errors import RecipeError
from attnforge.specs import DiscriminatorSpec, GeneratorSpec

SMALL: dict[str, Any] = {"channels": (8, 8, 4), "group_channels": 4}


def discriminator(size: int, **options: Any) -> R3GANDiscriminator:
    return R3GANDiscriminator(DiscriminatorSpec(image_size=size, sentence=5), **{**SMALL, **options})


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"blocks": (1, 1)}, "resolution-widths"),
        ({"group_channels": 3}, "group-channels"),
        ({"channels": (8, 8, 9)}, "group-channels"),
    ],
)
def test_options_that_do_not_fit_one_another_are_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(RecipeError) as generator:
        R3GANGenerator(GeneratorSpec(words=5), **{**SMALL, **options})
    with pytest.raises(RecipeError) as classifier:
        discriminator(16, **options)
    for raised in (generator, classifier):
        assert [problem.code for problem in raised.value.problems] == [code]


@pytest.mark.parametrize(("size", "code"), [(24, "image-size"), (2, "image-size"), (32, "resolution-widths")])
def test_images_that_the_widths_do_not_reach_are_refused(size: int, code: str) -> None:
    with pytest.raises(RecipeError) as raised:
        discriminator(size)
    assert [problem.code for problem in raised.value.problems] == [code]


def test_one_list_of_widths_serves_discriminators_of_several_sizes() -> None:
    for size, widths in ((4, [8]), (8, [8, 8]), (16, [8, 8, 4])):
        network = discriminator(size, blocks=(1, 2, 3))
        assert network.image.out_channels == widths[-1]
        assert len(network.resolutions) == len(widths)
        features = network.features(torch.zeros(2, 3, size, size))
        assert features.shape == (2, 8, 4, 4)


def test_the_unconditional_head_is_an_option() -> None:
    images = torch.zeros(2, 3, 16, 16)
    with_head = discriminator(16, unconditional=True)
    assert with_head.unconditional
    assert with_head.logits(with_head.features(images), None).shape == (2,)
    without = discriminator(16)
    assert not without.unconditional
    with pytest.raises(RecipeError) as raised:
        without.logits(without.features(images), None)
    assert [problem.code for problem in raised.value.problems] == ["no-unconditional-head"]
