"""What a sampler promises: one image for each row of a prompt, decided by that row and its seed alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.sampling.seeded_draws import SeededDraws
from attnforge.testing.expect import assert_close, assert_finite, require
from attnforge.testing.networks import prompt_of, texts
from attnforge.testing.subject import Subject

SEEDS = (5, 9, 13)
"""Seeds of the rows of a batch."""


def image_sizes(subject: Subject) -> None:
    """It returns images of all sizes of the generator, one for each row, in [-1, 1]."""
    spec = subject.spec()
    sampler = subject.build(spec=spec)
    images = _sampled(sampler, _prompt(subject)).images
    shapes = [list(image.shape) for image in images]
    expected = [[len(SEEDS), 3, size, size] for size in spec.generator.image_sizes]
    require(shapes == expected, f"{len(SEEDS)} images have shapes {shapes}, expected {expected}")
    for index, image in enumerate(images):
        assert_finite(image, f"image {index}")
        require(float(image.detach().abs().max()) <= 1, f"image {index} has a pixel outside [-1, 1]")


def attention_only_when_requested(subject: Subject) -> None:
    """Attention maps are returned when requested and only then; images are the same either way."""
    sampler, prompt = subject.build(), _prompt(subject)
    plain, requested = _sampled(sampler, prompt), _sampled(sampler, prompt, attention=True)
    require(len(plain.attention) == 0, "attention maps are returned although return_attention is False")
    require(len(requested.attention) > 0, "no attention maps are returned although return_attention is True")
    for index, image in enumerate(plain.images):
        assert_close(image, requested.images[index], f"image {index} without return_attention")


def seeds_decide(subject: Subject) -> None:
    """The same seeds give the same images in every call: a sampler keeps no state and no generator."""
    sampler, prompt = subject.build(), _prompt(subject)
    first, second = (_sampled(sampler, prompt).images[-1] for _ in range(2))
    require(torch.equal(first, second), "a second call with the same seeds gives other images")


def batch_invariance(subject: Subject) -> None:
    """An image is the same alone as in a batch, with the seed of its row."""
    sampler, prompt = subject.build(), _prompt(subject)
    together = _sampled(sampler, prompt).images[-1]
    for index in range(len(SEEDS)):
        row = torch.tensor([index])
        alone = _sampled(sampler, prompt.mismatched(row, row), seeds=SEEDS[index : index + 1]).images[-1]
        assert_close(alone, together[index : index + 1], f"image {index} alone")


def depends_on_prompt(subject: Subject) -> None:
    """Images depend on the prompt."""
    sampler, prompt = subject.build(), _prompt(subject)
    other = Prompt(prompt.words + 1, prompt.sentence + 1, prompt.padding)
    first, second = (_sampled(sampler, shown).images[-1] for shown in (prompt, other))
    require(not torch.equal(first, second), "images are the same for every prompt")


def _prompt(subject: Subject) -> Prompt:
    return prompt_of(texts(len(SEEDS), subject.spec().scoring().words, seed=3))


def _sampled(
    sampler: Any, prompt: Prompt, *, attention: bool = False, seeds: tuple[int, ...] = SEEDS
) -> GeneratorOutput:
    with torch.no_grad(), SeededDraws(1, rows=seeds):
        output: GeneratorOutput = sampler(prompt, return_attention=attention)
        return output


CHECKS: tuple[Callable[[Subject], None], ...] = (
    image_sizes,
    attention_only_when_requested,
    seeds_decide,
    batch_invariance,
    depends_on_prompt,
)
