"""What mode seeking measures, from images that are known functions of the noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from attnforge_gan.mode_seeking import Form, ModeSeekingLoss
from attnforge_gan.repeated import repeated_images
from known_steps import SPEC, prompt_of, step_of
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, Generator, GeneratorOutput, Prompt

SLOPES = {16: 0.5, 32: 0.25}
"""How much brighter an image of that size gets when its noise grows by one."""


class Proportional(nn.Module):
    """Images of one brightness: the noise times a slope, plus the sentence; it counts its images."""

    noise = 1
    image_sizes = tuple(SLOPES)

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.generated = 0

    def forward(self, noise: Tensor, prompt: Prompt, *, return_attention: bool = False) -> GeneratorOutput:
        self.generated += len(noise)
        brightness = [self.factor * slope * noise + prompt.sentence[:, :1] for slope in SLOPES.values()]
        images = tuple(
            value[:, :, None, None].expand(-1, 3, size, size)
            for value, size in zip(brightness, SLOPES, strict=True)
        )
        return GeneratorOutput(images=images, attention=())


def step(*, factor: float = 1.0, batch: int = 4) -> AdversarialStep:
    generator = Proportional(factor)
    sentence = torch.arange(batch).float()[:, None].expand(-1, 8)
    fake: Any = generator(torch.zeros(batch, 1), prompt_of(sentence))
    generator.generated = 0
    return step_of(
        real=[],
        fake=fake,
        text=prompt_of(sentence),
        class_ids=torch.arange(batch),
        discriminators=[],
        generator=generator,
    )


def term(loss: ModeSeekingLoss, known: AdversarialStep) -> Tensor:
    torch.manual_seed(0)
    (value,) = loss.generator(known).values()
    return value


@pytest.mark.parametrize(
    ("form", "bound", "expected"),
    [
        ("ratio", 1.0, (1 / 0.5 + 1 / 0.25) / 2),
        ("bounded", 0.4, (0 + 0.15) / 2),
        ("bounded", 0.7, (0.2 + 0.45) / 2),
        ("bounded", 0.2, 0.0),
    ],
)
def test_the_terms_are_those_of_the_ratio_of_both_sizes(form: Form, bound: float, expected: float) -> None:
    loss = ModeSeekingLoss(SPEC, weight=3.0, form=form, bound=bound)
    assert term(loss, step()).item() == pytest.approx(3 * expected, rel=1e-3, abs=1e-6)
    assert not loss.discriminator(step())


def test_the_bounded_form_pulls_alike_while_images_are_alike_and_not_at_all_beyond_its_bound() -> None:
    slopes = []
    for factor in (1e-4, 1e-1, 10.0):
        known = step(factor=factor)
        assert isinstance(known.generator, Proportional)
        term(ModeSeekingLoss(SPEC, bound=0.7), known).backward()
        gradient = known.generator.factor.grad
        assert gradient is not None
        slopes.append(gradient.item())
    assert slopes[0] == pytest.approx(-(0.5 + 0.25) / 2, rel=1e-4)
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-4)
    assert slopes[2] == 0


def test_half_of_the_captions_get_two_images_unless_more_are_asked_for() -> None:
    for captions, images in ((None, 6), (4, 8), (99, 10)):
        known = step(batch=5)
        assert isinstance(known.generator, Proportional)
        term(ModeSeekingLoss(SPEC, captions=captions), known)
        assert known.generator.generated == images


def test_repeated_images_share_their_caption_and_no_noise() -> None:
    repeated = repeated_images(step(), captions=3, each=4)
    assert repeated.noise.shape == (3, 4, 1)
    assert [image.shape for image in repeated.images] == [(3, 4, 3, 16, 16), (3, 4, 3, 32, 32)]
    brightness = repeated.images[0][:, :, 0, 0, 0]
    expected = 0.5 * repeated.noise[:, :, 0] + torch.arange(3.0)[:, None]
    torch.testing.assert_close(brightness, expected)
    assert len(repeated.noise.unique()) == 12


def test_a_pattern_of_pixels_makes_no_difference_to_averaged_images() -> None:
    known = step()
    plain = known.generator

    def patterned(noise: Tensor, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        output = plain(noise, prompt)
        board = [
            (torch.arange(size)[:, None] + torch.arange(size)) % 2 * 2.0 - 1 for size in plain.image_sizes
        ]
        images = [
            image + noise[:, :, None, None] * pixels
            for image, pixels in zip(output.images, board, strict=True)
        ]
        return replace(output, images=tuple(images))

    patterned.noise, patterned.image_sizes = plain.noise, plain.image_sizes  # type: ignore[attr-defined]
    loss = ModeSeekingLoss(SPEC, form="ratio", side=8)
    expected = term(loss, known)
    changed = replace(known, generator=cast(Generator, patterned))
    torch.testing.assert_close(term(loss, changed), expected)
    assert term(ModeSeekingLoss(SPEC, form="ratio"), changed) < expected / 1.5
