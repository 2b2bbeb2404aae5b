"""Captions and noises of which a page must compute what its run computes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import torch
from javascript import script_in

from attnforge.data.encoding import encode_captions
from attnforge.data.extras import read_extras
from attnforge.optional import ListsWords
from attnforge.sampling.generating import sampler_of
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.seeded_draws import SeededDraws
from attnforge.seeds import derive_seed

WORKER = "const self = { postMessage: () => {} };\n"
"""What a worker's script needs outside of a worker."""


def computing(page: Path, images: Sequence[Mapping[str, Any]]) -> str:
    """JavaScript that gives the numbers which a page's worker computes for images to `result`."""
    return (
        f"{WORKER}{script_in(page, 'engine')}\n"
        f"const page = {script_in(page, 'data')}, images = {json.dumps(images)};\n"
        f"const begun = begin({{ page, weights: '{script_in(page, 'weights')}' }});\n"
        "begun.then((loaded) => result(images.map((image) => {\n"
        "  const [first, last] = image.prompts.map((ids) => featuresOf(loaded, ids));\n"
        "  const values = Object.entries(valuesOf(loaded, between(first, last, image.share), image));\n"
        "  return Object.fromEntries(values.map(([name, numbers]) => [name, Array.from(numbers)]));\n"
        "})));"
    )


def as_arrays(images: Sequence[Mapping[str, Sequence[float]]]) -> list[dict[str, np.ndarray]]:
    """The numbers of images that JavaScript computed, by name."""
    return [{name: np.array(numbers) for name, numbers in image.items()} for image in images]


def image_of(first: list[int], last: list[int] | None = None, **options: Any) -> dict[str, Any]:
    """An image that a worker is asked for: of the token ids of a caption, or between those of two."""
    return {"prompts": [first, last or first], "share": 0, "sampling": None, **options}


@dataclass(frozen=True, slots=True)
class ParityCase:
    """A caption with a noise, and what the run computes."""

    caption: str
    ids: list[int]
    seed: int
    images: tuple[np.ndarray, ...]
    attention: tuple[np.ndarray, ...]

    def compare(self, values: Mapping[str, np.ndarray], *, tolerance: float) -> None:
        """Fail where a page's numbers, by name, are others; the maps of padding are not compared."""
        images = [numbers for name, numbers in values.items() if name.startswith("image_")]
        maps = [numbers for name, numbers in values.items() if name.startswith("attention_")]
        for numbers, own in zip([*images, *maps], [*self.images, *self.attention], strict=True):
            expected = own.reshape(-1)
            np.testing.assert_allclose(numbers[: len(expected)], expected, atol=tolerance, rtol=0)
            assert not numbers[len(expected) :].any()


def parity_cases(pipeline: Pipeline, *, lengths: Sequence[int]) -> list[ParityCase]:
    """Captions of known words, or of letters, one of each length in tokens, all different."""
    tokenizer = pipeline.parts.tokenizer
    spaced = isinstance(tokenizer, ListsWords)
    words = tokenizer.known_words if spaced else ascii_lowercase
    captions = [
        (" " if spaced else "").join(words[(7 * number + place) % len(words)] for place in range(length))
        for number, length in enumerate(lengths)
    ]
    assert len(set(captions)) == len(captions)
    return [_case(pipeline, caption, seed) for seed, caption in enumerate(captions, start=1)]


@torch.no_grad()
def _case(pipeline: Pipeline, caption: str, seed: int) -> ParityCase:
    parts = pipeline.parts
    completed = parts.completed_extras
    extras = read_extras(parts.extras, {}, captions=1, how="", completed=completed)
    device = torch.device("cpu")
    prompt = encode_captions(parts.text, parts.tokenizer, [caption], device=device, extras=extras)
    sampler = sampler_of(parts, pipeline.generator)  # type: ignore[arg-type]
    with SeededDraws(derive_seed(seed, 0)):
        output = sampler(prompt, return_attention=True)
    return ParityCase(
        caption=caption,
        ids=parts.tokenizer.encode(caption),
        seed=seed,
        images=tuple(image[0].numpy() for image in output.images),
        attention=tuple(maps[0].numpy() for maps in output.attention),
    )
