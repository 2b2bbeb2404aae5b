"""Boxes, sides and squares are those of the official loader, which used Pillow."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch
from photographs import photograph
from PIL import Image
from torch import Tensor

from attnforge.data.images.resizing import Region, Resize

Box = tuple[float, float, float, float]


def tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).unsqueeze(0)


def test_a_box_is_cropped_as_cub_is() -> None:
    image = photograph(100, 100)
    pixels = tensor(image)
    region = Region.of(100, 100, box=(40.0, 30.0, 20.0, 10.0))
    assert torch.equal(region.of_pixels(pixels), tensor(image.crop((35, 20, 65, 50))))
    assert Region.of(100, 100, box=(0.0, 0.0, 20.0, 10.0)) == Region(0, 0, 20, 25)
    assert Region.of(100, 100, box=(500.0, 500.0, 5.0, 5.0)) == Region(0, 0, 100, 100)


@pytest.mark.parametrize(
    ("size", "expected"), [((100, 50), (76, 152)), ((50, 100), (152, 76)), ((10, 10), (76, 76))]
)
def test_the_shorter_side_is_resized(size: tuple[int, int], expected: tuple[int, int]) -> None:
    pixels = tensor(photograph(*size))
    assert Resize.of(pixels, side=76).whole(pixels).shape == (1, 3, *expected)


@pytest.mark.parametrize("size", [(500, 375), (333, 500), (320, 240), (1024, 683), (304, 304)])
def test_resized_images_are_those_of_pillow(size: tuple[int, int]) -> None:
    image = photograph(*size)
    pixels = tensor(image)
    resized = Resize.of(pixels, side=304).whole(pixels)
    height, width = resized.shape[-2:]
    expected = tensor(image.resize((width, height), Image.Resampling.BILINEAR))
    difference = (resized.int() - expected.int()).abs()
    assert int(difference.max()) <= 1
    assert float(difference.float().mean()) < 0.05


def test_a_square_is_exactly_what_the_whole_image_shows_there() -> None:
    random = Random(0)
    for seed in range(60):
        size = (random.randint(20, 400), random.randint(20, 400))
        pixels = tensor(photograph(*size, seed=seed))
        side = random.choice([19, 76, 152])
        resize = Resize.of(pixels, side=side)
        whole = resize.whole(pixels)
        square = side - random.randint(0, side // 5)
        top = random.randint(0, resize.height - square)
        left = random.randint(0, resize.width - square)
        cut = resize.square(pixels, top=top, left=left, size=square)
        assert torch.equal(cut, whole[..., top : top + square, left : left + square])


def test_a_ribbon_is_cut_to_its_middle() -> None:
    ribbon = Image.new("RGB", (1000, 10), "blue")
    ribbon.paste("red", (450, 0, 550, 10))
    cut = Region.of(10, 1000).of_pixels(tensor(ribbon))
    assert cut.shape == (1, 3, 10, 80)
    assert torch.equal(cut, tensor(Image.new("RGB", (80, 10), "red")))
    line = Region.of(30_000, 1).of_pixels(tensor(Image.new("RGB", (1, 30_000))))
    assert Resize.of(line, side=64).whole(line).shape == (1, 3, 512, 64)
    assert Region.of(200, 30) == Region(0, 0, 200, 30)


def test_a_stretched_image_is_a_square() -> None:
    pixels = tensor(photograph(90, 60))
    resize = Resize.of(pixels, side=48, stretch=True)
    whole = resize.whole(pixels)
    assert whole.shape == (1, 3, 48, 48)
    assert torch.equal(resize.square(pixels, top=3, left=5, size=32), whole[..., 3:35, 5:37])
