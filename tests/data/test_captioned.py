"""Squares of images are those of the official loader, kept or not, whoever loads them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import pytest
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_cub.dataset import Cub
from attnforge_cub.release import read_release
from photographs import write_birds
from PIL import Image
from torch import Tensor

from attnforge.adversarial.task import pyramid
from attnforge.data import captioned
from attnforge.data.feeding.collate import collate
from attnforge.data.feeding.loader import batches
from attnforge.errors import DataError
from attnforge.specs import DataSpec

SIZES = (64, 128, 256)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("birds")
    write_birds(path, count=12)
    return path


def load(root: Path, cache: Literal["auto", "memory", "none"], size: int = 256) -> Cub:
    return Cub(DataSpec(split="train", image_size=size), root=str(root), cache=cache)


def levels(images: Tensor) -> Tensor:
    return (images + 1) * 127.5


def official(root: Path, index: int, seed: int) -> Image.Image:
    """The square that Pillow gives at the place that the seed decides."""
    row = read_release(root, splits=("train",)).rows[index]
    assert row.box is not None
    left, top, width, height = (int(number) for number in row.box)
    half = int(0.75 * max(width, height))
    across, down = (2 * left + width) // 2, (2 * top + height) // 2
    with Image.open(root / row.file_name) as opened:
        right, bottom = min(opened.width, across + half), min(opened.height, down + half)
        bird = opened.convert("RGB").crop((max(0, across - half), max(0, down - half), right, bottom))
    scale = 304 / min(bird.size)
    bird = bird.resize((max(304, round(bird.width * scale)), max(304, round(bird.height * scale))), 2)
    random = Random(seed)
    top, left = random.randint(0, bird.height - 256), random.randint(0, bird.width - 256)
    square = bird.crop((left, top, left + 256, top + 256))
    mirror = Image.Transpose.FLIP_LEFT_RIGHT
    return square.transpose(mirror) if random.random() < 0.5 else square


def test_all_three_sizes_are_those_of_pillow_within_one_grey_level_or_two(root: Path) -> None:
    data, tokenizer = load(root, "none"), WordTokenizer()
    tokenizer.fit(data.captions(0))
    for index in range(len(data)):
        encoded = collate([data.sample(index, seed=index)], tokenizer=tokenizer, max_words=18, seeds=[0])
        batch = encoded.batch()
        square = official(root, index, index)
        for size, real in zip(SIZES, pyramid(batch.image, SIZES, levels=batch.levels), strict=True):
            smaller = square if size == 256 else square.resize((size, size), Image.Resampling.BILINEAR)
            expected = torch.from_numpy(np.array(smaller)).permute(2, 0, 1)
            difference = (levels(real[0]) - expected).abs()
            assert float(difference.max()) < 2.01
            assert float(difference.mean()) < 0.1


def test_smaller_sizes_are_the_same_with_and_without_grey_levels(root: Path) -> None:
    image = load(root, "none").sample(0, seed=0).image.unsqueeze(0)
    floats = image.float() / 127.5 - 1
    with_levels, without = pyramid(floats, (64,), levels=image)[0], pyramid(floats, (64,))[0]
    whole = levels(with_levels)
    assert float((whole - whole.round()).abs().max()) < 1e-3
    assert float((whole - levels(without)).abs().max()) < 1.01


def test_what_is_kept_gives_the_same_squares(root: Path) -> None:
    kept, fresh = load(root, "memory"), load(root, "none")
    for seed in range(3):
        for index in range(len(kept)):
            first, second = kept.sample(index, seed=seed), fresh.sample(index, seed=seed)
            assert torch.equal(first.image, second.image)
            assert (first.caption, first.key) == (second.caption, second.key)


def test_images_that_find_no_room_give_the_same_squares(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captioned, "CACHE_LIMIT_BYTES", 1_000_000)
    few, fresh = load(root, "auto"), load(root, "none")
    for seed in range(2):
        for index in range(len(few)):
            assert torch.equal(few.sample(index, seed=seed).image, fresh.sample(index, seed=seed).image)


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_workers_give_the_same_batches(root: Path, cache: Literal["memory", "none"]) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(load(root, "none").captions(0))
    made = partial(batches, tokenizer=tokenizer, batch_size=4, seed=3, steps=6, max_words=18)
    alone, shared = made(load(root, "none", 64)), made(load(root, cache, 64), workers=2)
    for one, other in zip(alone, shared, strict=True):
        assert torch.equal(one.image, other.image)
        assert one.keys == other.keys


def test_what_a_worker_decoded_is_not_decoded_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, tokenizer = load(root, "memory", 64), WordTokenizer()
    tokenizer.fit(data.captions(0))
    list(batches(data, tokenizer, batch_size=4, seed=3, steps=3, max_words=18, workers=2))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(captioned, "decode", refuse)
    assert all(data.sample(index, seed=0).image.shape == (3, 64, 64) for index in range(len(data)))


def test_too_little_memory_is_an_error_only_when_memory_was_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = captioned.SharedImages

    def small(count: int, *, capacity: int) -> captioned.SharedImages:
        if capacity:
            raise OSError(12, "Cannot allocate memory")
        return real(count, capacity=capacity)

    monkeypatch.setattr(captioned, "SharedImages", small)
    assert load(root, "auto").sample(0, seed=0).image.shape == (3, 256, 256)
    with pytest.raises(DataError, match="12 images need up to") as caught:
        load(root, "memory")
    assert caught.value.problems[0].code == "cache-too-large"
