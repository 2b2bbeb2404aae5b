"""Boxes and key points of sketched birds lie where the birds are shown."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from attnforge_sketch_birds.attributes import BEAKS, FACINGS, SIZES, TILTS, Geometry
from attnforge_sketch_birds.dataset import SketchBirds
from attnforge_sketch_birds.keypoints import NAMES, keypoints
from attnforge_sketch_birds.painter import Label, Painter

from attnforge.data.places import Window, mirror_exchange
from attnforge.optional import DeclaresExtras
from attnforge.specs import DataSpec

GEOMETRIES = [Geometry(*values) for values in product(FACINGS, TILTS, SIZES, BEAKS)]
BOTH: dict[str, Any] = {"extras": ("box", "keypoints")}
LABELS = {
    "beak": Label.BEAK,
    "belly": Label.BELLY,
    "wing": Label.WING,
    "crown": Label.CROWN,
    "tail": Label.TAIL,
}


def birds(split: str = "train", **options: Any) -> SketchBirds:
    counts = {"count": 30, "test_count": 30}
    return SketchBirds(DataSpec(split=split, image_size=48), **{**counts, **BOTH, **options})


@pytest.mark.parametrize("geometry", GEOMETRIES[::3], ids=str)
def test_points_mark_their_parts(geometry: Geometry) -> None:
    side = 256
    labels = Painter(side, supersampling=1).labels(geometry, branch=True)
    points = dict(zip(NAMES, keypoints(geometry).tolist(), strict=True))
    for part, label in LABELS.items():
        name = f"{geometry.facing} wing" if part == "wing" else part
        x, y, visible = points[name]
        assert visible == 1
        assert labels.getpixel((int(x * side), int(y * side))) in (label, label + 1), name
    eye, other = (points[f"{facing} eye"] for facing in sorted(FACINGS, key=geometry.facing.__ne__))
    assert labels.getpixel((int(eye[0] * side), int(eye[1] * side))) == Label.PUPIL
    assert other == [0, 0, 0]


@pytest.mark.parametrize("geometry", GEOMETRIES[: len(GEOMETRIES) // 2 : 2], ids=str)
def test_a_mirror_image_has_the_points_of_a_bird_that_faces_the_other_way(geometry: Geometry) -> None:
    other = Geometry("right", geometry.tilt, geometry.size, geometry.beak)
    mirrored = Window(0, 0, 1, 1, mirrored=True).points(keypoints(geometry), exchanged=mirror_exchange(NAMES))
    torch.testing.assert_close(mirrored, keypoints(other), atol=1e-6, rtol=0)


@pytest.mark.parametrize("roam", [False, True])
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_box_holds_the_bird(split: str, roam: bool) -> None:
    data = birds(split, roam=roam)
    sides = []
    for index in range(12):
        sample = data.sample(index, seed=index)
        left, top, width, height = (48 * sample.extras["box"]).tolist()
        sides.append(width)
        image = sample.image.float()
        # whatever differs from the page, above what the bird sits on
        page = image[:, :1, :1]
        bird = (image - page).abs().sum(dim=0)[: int(top + 0.8 * height)] > 24
        columns, rows = torch.nonzero(bird.any(dim=0)), torch.nonzero(bird.any(dim=1))
        assert float(columns.min()) == pytest.approx(left, abs=1.6)
        assert float(columns.max()) + 1 == pytest.approx(left + width, abs=1.6)
        assert float(rows.min()) == pytest.approx(top, abs=1.6)
        points = sample.extras["keypoints"]
        shown = points[points[:, 2] > 0, :2] * 48
        assert float(shown[:, 0].min()) >= left - 1
        assert float(shown[:, 0].max()) <= left + width + 1
    assert (max(sides) > 1.5 * min(sides)) == roam


def test_birds_roam_in_training_and_keep_their_place_in_testing() -> None:
    boxes = {split: [birds(split, roam=True).sample(3, seed=seed).extras["box"] for seed in range(4)]
             for split in ("train", "test")}  # fmt: skip
    assert len({tuple(box.tolist()) for box in boxes["train"]}) == 4
    assert len({tuple(box.tolist()) for box in boxes["test"]}) == 1


def test_shapes_are_declared_without_data() -> None:
    assert isinstance(SketchBirds, DeclaresExtras)
    assert SketchBirds.declared_extras(BOTH) == birds().extras == {"box": (4,), "keypoints": (15, 3)}
    assert SketchBirds.declared_extras({}) == birds(extras=()).extras == {}
    assert birds(extras=()).sample(0, seed=0).extras == {}


def test_the_official_flip_leaves_parts_where_they_were() -> None:
    sound, official = birds(), birds(flip_parts="official")
    differing = 0
    for seed in range(8):
        first, second = (data.sample(2, seed=seed).extras["keypoints"] for data in (sound, official))
        if not torch.equal(first, second):
            differing += 1
            assert torch.equal(first, second[mirror_exchange(NAMES)])
    assert 0 < differing < 8
