"""Batches with several images of a caption: which images, whose captions, and where they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from attnforge_sketch_birds.asking import requested_colours
from attnforge_sketch_birds.dataset import SketchBirds

from attnforge.adversarial.negatives import mismatched_pairs
from attnforge.build import assemble
from attnforge.data.feeding.captioned_alike import CaptionSampler
from attnforge.data.feeding.loader import batches
from attnforge.errors import RecipeError
from attnforge.interfaces import Batch, Sample
from attnforge.recipe import resolve
from attnforge.run.meta import meta_parts
from attnforge.run.tasks import build_task
from attnforge.specs import DataSpec

TEXTS = (["red"], ["red", "round"], ["blue"], ["red"], ["green"], ["round"], ["blue"])
"""The captions of seven images."""


class Letters:
    """A tokenizer that knows every letter."""

    vocabulary_size, fingerprint = 200, "letters"

    def fit(self, captions: Sequence[str]) -> None: ...
    def tokens(self, caption: str) -> list[str]:
        return list(caption)

    def encode(self, caption: str) -> list[int]:
        return [ord(letter) for letter in caption]

    def unknown(self, caption: str) -> list[str]:
        return []

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: Any) -> None: ...


class Texts:
    """Images whose only pixel value is their number."""

    def __len__(self) -> int:
        return len(TEXTS)

    def captions(self, index: int) -> Sequence[str]:
        return TEXTS[index]

    def class_id(self, index: int) -> int:
        return index

    def sample(self, index: int, *, seed: int) -> Sample:
        image = torch.full((3, 2, 2), index, dtype=torch.uint8)
        return Sample(image, TEXTS[index][0], index, str(index))


@pytest.fixture(scope="module")
def birds() -> SketchBirds:
    return SketchBirds(DataSpec(split="train", image_size=16), count=1000)


def batch_at(step: int, *, data: Any = None, size: int = 6, groups: int = 3, **options: Any) -> Batch:
    return next(
        batches(
            Texts() if data is None else data,
            Letters(),
            batch_size=size,
            seed=1,
            start_step=step,
            steps=step + 1,
            max_words=200,
            images_per_caption=groups,
            **options,
        )
    )


def test_a_group_has_images_of_its_caption_as_far_as_there_are() -> None:
    sampler = CaptionSampler(Texts(), Letters(), per_caption=3, seed=1)  # type: ignore[arg-type]
    sizes = Counter()  # type: ignore[var-annotated]
    for first in range(0, 300, 3):
        group = [sampler[first + place] for place in range(3)]
        together = [each for each in group if each.caption is not None]
        caption = together[0].caption
        assert all(each.caption == caption and caption in TEXTS[each.index] for each in together)
        assert len({each.index for each in together}) == len(together)
        assert {each.class_id for each in together} == {group[0].index}
        assert len({each.seed for each in group}) == 3
        sizes[caption, len(together)] += 1
    assert set(sizes) == {("red", 3), ("round", 2), ("blue", 2), ("green", 1)}


def test_a_position_does_not_depend_on_those_that_were_read_before() -> None:
    sampler, other = (CaptionSampler(Texts(), Letters(), per_caption=2, seed=1) for _ in range(2))  # type: ignore[arg-type]
    forward = [sampler[position] for position in range(20)]
    assert [other[position] for position in reversed(range(20))] == forward[::-1]


def test_images_of_a_caption_are_of_one_class_and_not_neighbours(birds: SketchBirds) -> None:
    grouped = 0
    for step in range(5):
        batch = batch_at(step, data=birds, size=8, groups=2)
        captions, classes = batch.captions, batch.class_ids.tolist()
        for row, caption in enumerate(captions):
            assert captions[row - 1] != caption
            alike = [classes[other] for other in range(8) if captions[other] == caption]
            assert len(set(alike)) == 1
            grouped += len(alike) > 1
        images, others = mismatched_pairs(batch.class_ids, "all")
        assert all(captions[image] != captions[other] for image, other in zip(images, others, strict=True))
    assert grouped > 10


def test_each_process_has_whole_groups() -> None:
    whole = [Counter(batch_at(step, size=12).captions) for step in range(5)]
    parts = [
        [batch_at(step, size=12, rank=rank, world_size=2).captions for rank in range(2)] for step in range(5)
    ]
    assert [Counter(first) + Counter(second) for first, second in parts] == whole


def test_sketch_birds_know_which_birds_a_caption_describes(birds: SketchBirds) -> None:
    found = 0
    for index in range(20):
        for caption in birds.captions(index):
            numbers = birds.described(caption)
            assert index in numbers
            for number in numbers:
                bird = birds.attributes(number)
                assert all(bird.colour(part) == colour for part, colour in requested_colours(caption).items())
                for word in ("small", "large"):
                    assert word not in caption or bird.geometry.size == word
            found += len(numbers) > 1
    assert found > 20


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["phases.gan.images_per_caption=3"], "cannot be divided"),
        (["phases.gan.images_per_caption=2", "phases.gan.captions=2"], "2 captions"),
    ],
)
def test_groups_that_a_batch_cannot_have_are_refused(overrides: list[str], message: str) -> None:
    recipe = assemble(resolve("attngan2-sketch-birds", overrides=overrides))
    with pytest.raises(RecipeError, match=message) as refused:
        build_task(meta_parts(recipe), recipe.phases["gan"], name="gan")
    assert refused.value.problems[0].code == "caption-groups"
