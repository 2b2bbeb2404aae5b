"""Sketched birds are what their attributes and captions say."""

from __future__ import annotations

import multiprocessing
from itertools import combinations, product

import numpy as np
import pytest
import torch
from attnforge_sketch_birds.attributes import (
    BEAKS,
    FACINGS,
    PARTS,
    SIZES,
    TILTS,
    Attributes,
    Geometry,
    class_of,
    draw_attributes,
    held_out,
)
from attnforge_sketch_birds.dataset import SketchBirds
from attnforge_sketch_birds.grammar import BEAK_WORDS, SIZE_WORDS
from attnforge_sketch_birds.painter import Painter, render_parts
from attnforge_sketch_birds.palette import BACKGROUNDS, COLOURS, PALETTE
from PIL import Image

from attnforge.interfaces import Dataset
from attnforge.specs import DataSpec

GEOMETRIES = [Geometry(*values) for values in product(FACINGS, TILTS, SIZES, BEAKS)]
PART_OF_WORD = {"belly": "belly", "breast": "belly", "wings": "wing", "crown": "crown", "cap": "crown"}


def birds(split: str = "train", size: int = 32, **options: int) -> SketchBirds:
    return SketchBirds(DataSpec(split=split, image_size=size), **{"count": 60, "test_count": 60, **options})  # type: ignore[arg-type]


def same_sample(left: SketchBirds, right: SketchBirds, index: int, seed: int) -> bool:
    one, other = left.sample(index, seed=seed), right.sample(index, seed=seed)
    return torch.equal(one.image, other.image) and (one.caption, one.class_id) == (
        other.caption,
        other.class_id,
    )


def test_it_is_a_data_set() -> None:
    data = birds()
    assert isinstance(data, Dataset)
    sample = data.sample(3, seed=1)
    assert sample.image.shape == (3, 32, 32)
    assert sample.image.dtype == torch.uint8
    assert sample.caption in data.captions(3)
    assert sample.class_id == data.class_id(3)
    assert len({data.sample(index, seed=0).key for index in range(60)}) == 60


def test_a_bird_depends_on_seed_and_index_alone() -> None:
    many, few = birds(count=60), birds(count=20)
    assert all(same_sample(many, few, index, seed=index) for index in reversed(range(20)))
    assert not all(same_sample(many, birds(seed=1), index, seed=index) for index in range(20))


def test_every_caption_is_true() -> None:
    for split in ("train", "test"):
        data = birds(split)
        for index in range(len(data)):
            attributes = data.attributes(index)
            wrong_sizes = set().union(*SIZE_WORDS.values()) - set(SIZE_WORDS[attributes.geometry.size])
            wrong_beaks = set().union(*BEAK_WORDS.values()) - set(BEAK_WORDS[attributes.geometry.beak])
            for caption in data.captions(index):
                words = caption.split()
                assert not wrong_sizes & set(words)
                assert not wrong_beaks & set(words)
                for place, word in enumerate(words):
                    if word in PART_OF_WORD:
                        near = (
                            words[place + 2]
                            if words[place + 1 : place + 2] in (["is"], ["are"])
                            else words[place - 1]
                        )
                        assert near == attributes.colour(PART_OF_WORD[word]), caption


def test_captions_are_ten_short_sentences_that_name_colours() -> None:
    data = birds()
    named = []
    for index in range(len(data)):
        captions = data.captions(index)
        assert len(set(captions)) == 10
        for caption in captions:
            words = caption.split()
            assert len(words) <= 18
            assert caption == caption.lower()
            named.append(sum(word in COLOURS for word in words))
    assert min(named) >= 2
    assert sum(count >= 3 for count in named) > 0.8 * len(named)


def test_held_out_combinations_are_for_testing_only() -> None:
    train, test = birds("train", count=1500), birds("test", test_count=300)
    seen = {train.class_id(index) for index in range(1500)}
    unseen = {test.class_id(index) for index in range(300)}
    assert not seen & unseen
    for number, part in enumerate(PARTS):
        assert {train.attributes(index).colours[number] for index in range(1500)} == set(COLOURS), part
    every = [held_out(colours) for colours in product(COLOURS, COLOURS, COLOURS, COLOURS)]
    assert 0.10 < sum(every) / len(every) < 0.14


def test_a_class_is_a_combination() -> None:
    assert {class_of(colours) for colours in product(COLOURS, COLOURS, COLOURS, COLOURS)} == set(range(4096))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_every_part_is_visible_and_of_its_colour_at_64_pixels(geometry: Geometry) -> None:
    painter = Painter(64)
    for shift, background in enumerate(BACKGROUNDS):
        colours = tuple(COLOURS[(2 * number + shift) % 8] for number in range(4))
        bird = Attributes(colours=colours, geometry=geometry, background=background)  # type: ignore[arg-type]
        image = painter.image(bird).astype(float)
        for part, mask in painter.parts(geometry).items():
            inside = mask > 0.99
            assert inside.sum() >= 25, part
            shown = np.median(image[inside], axis=0)
            nearest = min(
                PALETTE, key=lambda colour: float(np.abs(np.subtract(PALETTE[colour], shown)).sum())
            )
            assert nearest == bird.colour(part)


def test_parts_do_not_overlap_and_lie_in_the_box() -> None:
    for geometry in GEOMETRIES:
        painter = Painter(64)
        masks = np.stack(list(painter.parts(geometry).values()))
        assert masks.min() >= 0
        assert masks.sum(axis=0).max() <= 1
        left, top, width, height = painter.box(geometry)
        assert 0 <= left < left + width <= 64
        assert 0 <= top < top + height <= 64
        covered = masks.sum()
        assert masks[:, top : top + height, left : left + width].sum() == pytest.approx(covered)


@pytest.mark.parametrize("size", [16, 48, 256])
def test_another_size_shows_the_same_image(size: int) -> None:
    bird = draw_attributes(seed=2, index=5, split="train")
    large = Image.fromarray(Painter(512, supersampling=1).image(bird))
    expected = np.asarray(large.resize((size, size), Image.Resampling.BOX), dtype=float)
    assert np.abs(Painter(size).image(bird) - expected).mean() < 3


def test_masks_of_both_facings_mirror_each_other() -> None:
    right = Attributes(("red", "blue", "green", "black"), Geometry("right", 8, "large", "long"), "sky")
    left = Attributes(right.colours, Geometry("left", 8, "large", "long"), "sky")
    for part in PARTS:
        difference = render_parts(right, size=64)[part] - render_parts(left, size=64)[part][:, ::-1]
        assert np.abs(difference).mean() < 0.01


def test_training_mirrors_about_half_and_testing_nothing() -> None:
    data = birds("train")
    mirrored = 0
    for seed in range(200):
        image = data.sample(0, seed=seed).image
        drawn = torch.from_numpy(data.image(0))
        assert torch.equal(image, drawn) or torch.equal(image, drawn.flip(2))
        mirrored += not torch.equal(image, drawn)
    assert 60 < mirrored < 140
    for unmoved in (birds("test"), SketchBirds(DataSpec(split="train", image_size=32), count=5, flip=False)):
        drawn = torch.from_numpy(unmoved.image(0))
        assert all(torch.equal(unmoved.sample(0, seed=seed).image, drawn) for seed in range(20))


def test_all_captions_are_chosen() -> None:
    data = birds()
    assert {data.sample(4, seed=seed).caption for seed in range(200)} == set(data.captions(4))


def test_colours_are_well_separated() -> None:
    for one, other in combinations(PALETTE, 2):
        assert np.abs(np.subtract(PALETTE[one], PALETTE[other])).sum() > 100, (one, other)


@pytest.mark.parametrize("facing", FACINGS)
def test_birds_facing_one_way_are_not_mirrored(facing: str) -> None:
    data = SketchBirds(DataSpec(split="train", image_size=32), count=40, facings=(facing,))  # type: ignore[arg-type]
    assert {data.attributes(index).geometry.facing for index in range(40)} == {facing}
    for seed in range(8):
        np.testing.assert_array_equal(data.sample(3, seed=seed).image.numpy(), data.image(3))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="memory is shared by forking"
)
def test_workers_share_rendered_images(monkeypatch: pytest.MonkeyPatch) -> None:
    data = birds()
    expected = birds().image(7).copy()
    worker = multiprocessing.get_context("fork").Process(target=data.image, args=(7,))
    worker.start()
    worker.join()

    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(Painter, "image", refuse)
    assert np.array_equal(data.image(7), expected)


def test_no_more_is_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnforge_sketch_birds.dataset.CACHE_LIMIT_BYTES", 3 * 32 * 32 * 2)
    data = birds()
    drawn = [data.image(index).copy() for index in range(5)]
    assert [np.array_equal(data.image(index), drawn[index]) for index in range(5)] == [True] * 5
    assert data._rendered.used == 3 * 32 * 32 * 2
