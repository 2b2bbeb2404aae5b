"""The box and the key points of an image lie where its sample shows them, cropped and flipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from attnforge.data.captioned import CaptionedImages
from attnforge.data.images.stored import ImageFolder
from attnforge.data.reading.keypoints import Keypoints
from attnforge.data.reading.metadata import Metadata
from attnforge.data.reading.rows import Row, Rows
from attnforge.specs import DataSpec

BOX = (60.0, 30.0, 30.0, 24.0)
CORNER, MIDDLE = (60.0, 30.0), (75.0, 42.0)


def images(root: Path, **options: Any) -> CaptionedImages:
    """One image of 160 x 100 pixels with a red box, whose left upper quarter is green."""
    picture = Image.new("RGB", (160, 100), "navy")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((60, 30, 89, 53), fill=(255, 0, 0))
    pen.rectangle((60, 30, 74, 41), fill=(0, 255, 0))
    picture.save(root / "one.png")
    rows = Rows.of([Row("one.png", ("a box",), 0, BOX, "train", 1)])
    metadata = Metadata(root, rows, (), (), "attnforge data check")
    points = np.array([[[*CORNER, 1], [*MIDDLE, 1], [0, 0, 0]]], dtype=np.float32)
    return CaptionedImages(
        DataSpec(split="train", image_size=32),
        metadata,
        store=ImageFolder(root, rows.file_names),
        box=True,
        keypoints=Keypoints(
            ("left corner", "middle", "right corner"), points, options.pop("exchanged", None)
        ),
        **options,
    )


@pytest.mark.parametrize("options", [{"box_crop": False}, {"box_crop": False, "stretch": True}, {}], ids=str)
@pytest.mark.parametrize("cache", ["none", "memory"])
def test_places_are_where_the_pixels_are(tmp_path: Path, cache: str, options: dict[str, Any]) -> None:
    data = images(tmp_path, cache=cache, **options)
    sides = set()
    for seed in range(12):
        sample = data.sample(0, seed=seed)
        red_or_green = sample.image[:2].max(dim=0).values > 128
        assert red_or_green.any()
        left, top, width, height = (32 * sample.extras["box"]).tolist()
        rows, columns = torch.nonzero(red_or_green.any(dim=1)), torch.nonzero(red_or_green.any(dim=0))
        assert float(columns.min()) == pytest.approx(left, abs=1)
        assert float(columns.max()) + 1 == pytest.approx(left + width, abs=1)
        assert float(rows.min()) == pytest.approx(top, abs=1)
        assert float(rows.max()) + 1 == pytest.approx(top + height, abs=1)
        corner, middle, absent = (32 * sample.extras["keypoints"]).tolist()
        assert absent == [0, 0, 0]
        if corner[2] and middle[2]:
            sides.add(corner[0] < middle[0])
            x, y = (round((corner[axis] + middle[axis]) / 2 - 0.5) for axis in (0, 1))
            assert sample.image[:, y, x].argmax() == 1, "between corner and middle it is green"
    assert sides == {False, True}


def test_left_and_right_change_places_when_an_image_is_mirrored(tmp_path: Path) -> None:
    plain = images(tmp_path, box_crop=False)
    exchanged = images(tmp_path, box_crop=False, exchanged=(2, 1, 0))
    mirrored = 0
    for seed in range(8):
        official = plain.sample(0, seed=seed).extras["keypoints"]
        sound = exchanged.sample(0, seed=seed).extras["keypoints"]
        if official[0, 0] > official[1, 0]:
            mirrored += 1
            assert torch.equal(sound, official[[2, 1, 0]])
        else:
            assert torch.equal(sound, official)
    assert mirrored
