"""A folder of own images becomes samples of the asked size."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_folder.dataset import Folder
from PIL import Image

from attnforge.errors import DataError
from attnforge.interfaces import Dataset
from attnforge.specs import DataSpec


def write(root: Path, *lines: dict[str, Any]) -> Path:
    (root / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return root


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    image = Image.new("RGB", (width, height))
    image.putdata([(255 * x // width, 255 * y // height, 0) for y in range(height) for x in range(width)])
    return image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    gradient(64, 48).save(tmp_path / "a.png")
    gradient(48, 96).save(tmp_path / "b.png")
    Image.new("RGBA", (40, 40)).save(tmp_path / "c.png")
    return write(
        tmp_path,
        {"file_name": "a.png", "captions": [" one ", "two", "three"], "split": "train", "class_id": 7},
        {"file_name": "b.png", "text": "four", "split": "train"},
        {"file_name": "c.png", "text": "five", "split": "test"},
    )


def load(root: Path, split: str = "train", size: int = 32, **options: Any) -> Folder:
    return Folder(DataSpec(split=split, image_size=size), root=str(root), **options)


def test_it_is_a_data_set_of_one_split(root: Path) -> None:
    train, test = load(root), load(root, "test")
    assert isinstance(train, Dataset)
    assert (len(train), len(test)) == (2, 1)
    assert train.captions(0) == ("one", "two", "three")
    assert {train.sample(0, seed=seed).caption for seed in range(60)} == {"one", "two", "three"}
    assert train.sample(1, seed=0).key == "b.png"


def test_images_without_a_class_are_a_class_of_their_own(root: Path) -> None:
    train, test = load(root), load(root, "test")
    assert train.class_id(0) == 7
    assert len({train.class_id(0), train.class_id(1), test.class_id(0)}) == 3


@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("size", [16, 32, 50])
def test_every_sample_is_a_square_of_the_size(root: Path, size: int, crop: bool) -> None:
    for data in (load(root, size=size, crop=crop), load(root, "test", size=size, crop=crop)):
        for index in range(len(data)):
            for seed in range(10):
                image = data.sample(index, seed=seed).image
                assert image.shape == (3, size, size)
                assert image.dtype == torch.uint8


def test_a_sample_depends_on_its_seed_alone(root: Path) -> None:
    one, other = load(root), load(root, cache="none")
    one.sample(0, seed=99)
    for seed in range(10):
        assert torch.equal(one.sample(0, seed=seed).image, other.sample(0, seed=seed).image)
    assert len({one.sample(0, seed=seed).image.numpy().tobytes() for seed in range(30)}) > 15


def test_testing_cuts_the_middle(root: Path) -> None:
    lines = [{"file_name": "a.png", "text": "x", "split": "test"}]
    data = load(write(root, *lines), "test")
    images = [data.sample(0, seed=seed).image for seed in range(5)]
    assert all(torch.equal(image, images[0]) for image in images)
    red, green = images[0][0].float(), images[0][1].float()
    assert float((red + red.flip(1)).mean()) == pytest.approx(255, abs=12)
    assert float((green + green.flip(0)).mean()) == pytest.approx(255, abs=12)


def test_flipping_can_be_switched_off(root: Path) -> None:
    def mirrored(data: Folder) -> int:
        images = (data.sample(0, seed=seed).image[0].float() for seed in range(40))
        return sum(bool(image[:, 0].mean() > image[:, -1].mean()) for image in images)

    assert 8 < mirrored(load(root)) < 32
    assert mirrored(load(root, flip=False)) == 0


def test_transparent_images_take_the_background(root: Path) -> None:
    assert load(root, "test").sample(0, seed=0).image.min() == 255
    coloured = load(root, "test", background="#102030").sample(0, seed=0).image
    assert coloured[:, 5, 5].tolist() == [16, 32, 48]


def test_a_box_is_cropped_before_the_resize(root: Path) -> None:
    boxed = Image.new("RGB", (200, 100), "blue")
    boxed.paste("red", (90, 40, 110, 60))
    boxed.save(root / "a.png")
    line = {"file_name": "a.png", "text": "x", "split": "test"}
    whole = load(write(root, line), "test").sample(0, seed=0).image
    near = load(write(root, {**line, "bbox": [90, 40, 20, 20]}), "test").sample(0, seed=0).image
    assert (near[0] > 128).float().mean() > 5 * (whole[0] > 128).float().mean()


def test_an_image_that_cannot_be_read_is_named_with_its_line(root: Path) -> None:
    (root / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b\.png") as caught:
        load(root).sample(1, seed=0)
    assert "metadata.jsonl:2" in str(caught.value)


def test_bad_options_and_empty_splits_are_refused(root: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(root, background="whitish")
    assert caught.value.problems[0].code == "bad-colour"
    write(root, {"file_name": "a.png", "text": "x", "split": "train"})
    with pytest.raises(DataError) as caught:
        load(root, "test")
    assert caught.value.problems[0].code == "empty-split"


def test_the_emoji_can_be_trained_on() -> None:
    shared = Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not (shared / "emoji").is_dir():
        pytest.skip("the emoji are not in ATTNFORGE_DATA or ../shared/data")
    train, test = load(shared / "emoji"), load(shared / "emoji", "test")
    assert (len(train), len(test)) == (3128, 410)
    corners = torch.stack([test.sample(index, seed=0).image[:, 0, 0] for index in range(40)])
    assert corners.float().mean() > 200
