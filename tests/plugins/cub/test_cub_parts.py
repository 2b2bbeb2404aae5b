"""Key points of CUB's birds are read by image and part, and every malformed line is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_cub.dataset import Cub
from attnforge_cub.parts import checked_release
from small_releases import PARTS, birds

from attnforge.errors import DataError
from attnforge.specs import DataSpec

BOTH: dict[str, Any] = {"extras": ("box", "keypoints")}


def load(root: Path, **options: Any) -> Cub:
    return Cub(DataSpec(split="train", image_size=32), root=str(root), **options)


def places_file(root: Path) -> Path:
    return root / "CUB_200_2011" / "parts" / "part_locs.txt"


def test_boxes_and_points_of_the_second_image(tmp_path: Path) -> None:
    """Its box is at 20, 5 in 60 x 40 pixels, and part p at 17 + p, 5 + p."""
    data = load(birds(tmp_path), box=False, crop=False, stretch=True, flip=False, **BOTH)
    assert data.extras == Cub.declared_extras(BOTH) == {"box": (4,), "keypoints": (15, 3)}
    sample = data.sample(1, seed=0)
    assert sample.key.endswith("one_2.jpg")
    torch.testing.assert_close(sample.extras["box"], torch.tensor([20 / 60, 5 / 40, 12 / 60, 20 / 40]))
    expected = torch.tensor([[(17 + part) / 60, (5 + part) / 40, 1] for part in range(1, 16)])
    expected[6] = 0  # part 7 is invisible
    torch.testing.assert_close(sample.extras["keypoints"], expected)


def test_only_what_is_asked_for_is_given(tmp_path: Path) -> None:
    root = birds(tmp_path)
    assert load(root).sample(0, seed=0).extras == {}
    assert list(load(root, extras=("box",)).sample(0, seed=0).extras) == ["box"]
    places_file(root).unlink()
    assert list(load(root, box=False, extras=("box",)).sample(0, seed=0).extras) == ["box"]
    with pytest.raises(DataError, match="there is no file"):
        load(root, extras=("keypoints",))


def test_mirrored_birds_have_their_right_eye_where_the_left_one_was(tmp_path: Path) -> None:
    root = birds(tmp_path)
    options: dict[str, Any] = {"box": False, "crop": False, "stretch": True, "extras": ("keypoints",)}
    still = load(root, flip=False, **options).sample(0, seed=0).extras["keypoints"]
    left, right = PARTS.index("left eye"), PARTS.index("right eye")
    eyes = {}
    for flip_parts in ("exchange", "official"):
        data = load(root, flip_parts=flip_parts, **options)
        samples = [data.sample(0, seed=seed).extras["keypoints"] for seed in range(8)]
        eyes[flip_parts] = next(points for points in samples if not torch.equal(points, still))
    mirrored = 1 - still[right, 0]
    assert eyes["official"][right, 0] == mirrored
    assert eyes["official"][left].tolist() == [0, 0, 0]
    assert eyes["exchange"][left, 0] == mirrored
    assert eyes["exchange"][right].tolist() == [0, 0, 0]


FAULTS = [
    ("1 3 7.0 8.0", 8, "the line has 4 fields, not 5", 12),
    ("1 3 7.0 8.0 1 9", 8, "the line has 6 fields, not 5", 15),
    ("9 3 7.0 8.0 1", 8, "image '9' is not in CUB_200_2011/images.txt", 1),
    ("1 16 7.0 8.0 1", 8, "part '16' is none of 1 to 15", 3),
    ("1 3 seven 8.0 1", 8, "x is 'seven', which is not a position", 5),
    ("1 3 7.0 nan 1", 8, "y is 'nan', which is not a position", 9),
    ("1 3 7.0 8.0 yes", 8, "visible is 'yes', which is neither 0 nor 1", 13),
    ("1 7 7.0 8.0 1", 8, "part 7 of image 1 is already placed", None),
]


@pytest.mark.parametrize(("text", "line", "message", "column"), FAULTS, ids=[text for text, *_ in FAULTS])
def test_a_malformed_line_is_named_with_its_column(
    tmp_path: Path, text: str, line: int, message: str, column: int | None
) -> None:
    root = birds(tmp_path)
    lines = places_file(root).read_text().splitlines()
    lines[line - 1] = text
    places_file(root).write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        load(root, extras=("keypoints",))
    problem = next(problem for problem in caught.value.problems if message in problem.message)
    assert problem.code == "bad-keypoints"
    assert problem.place is not None
    assert (problem.place.source, problem.place.line) == (str(places_file(root)), line)
    assert problem.place.column == column
    assert problem.expected
    assert "image 1 lacks the parts 8" in str(caught.value)
    assert message in str(checked_release(root).problems)


def test_parts_that_are_not_named_are_refused(tmp_path: Path) -> None:
    root = birds(tmp_path)
    (root / "CUB_200_2011" / "parts" / "parts.txt").write_text("1 back\n2 beak\n")
    with pytest.raises(DataError, match="it does not name parts 1 to 15"):
        load(root, extras=("keypoints",))


def test_preparing_keeps_the_files_of_parts() -> None:
    names = [Cub.layout.place(f"CUB_200_2011/parts/{name}.txt") for name in ("parts", "part_locs")]
    assert names == ["CUB_200_2011/parts/parts.txt", "CUB_200_2011/parts/part_locs.txt"]
