"""Birds in the layout of AttnGAN's release become samples; a fault names its file and the remedy."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attnforge_cub.dataset import Cub
from attnforge_cub.release import read_release
from PIL import Image
from small_releases import BIRDS, birds, names, write

from attnforge.errors import DataError
from attnforge.interfaces import Dataset
from attnforge.specs import DataSpec

SHARED = Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def load(root: Path, split: str = "train", size: int = 16, **options: Any) -> Cub:
    return Cub(DataSpec(split=split, image_size=size), root=str(root), **options)


def shared(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"{name} is not in ATTNFORGE_DATA or ../shared/data")
    return SHARED / name


@pytest.mark.parametrize("pickles", [True, False])
def test_images_captions_and_classes_of_both_splits(tmp_path: Path, pickles: bool) -> None:
    root = birds(tmp_path, pickles=pickles)
    for split in ("train", "test"):
        data = load(root, split)
        expected = [(name, captions) for name, of, captions in BIRDS if of == split]
        assert isinstance(data, Dataset)
        assert [data.sample(index, seed=0).key for index in range(len(data))] == [
            f"CUB_200_2011/images/{name}.jpg" for name, _ in expected
        ]
        assert [data.captions(index) for index in range(len(data))] == [captions for _, captions in expected]
        assert [data.class_id(index) for index in range(len(data))] == [int(name[:3]) for name, _ in expected]


def test_captions_are_drawn_from_those_of_the_image_however_many_it_has(tmp_path: Path) -> None:
    data = load(birds(tmp_path))
    for index in range(3):
        drawn = {data.sample(index, seed=seed).caption for seed in range(60)}
        assert drawn == set(BIRDS[index][2])


def test_a_bird_is_cropped_by_the_box_of_its_number_then_resized(tmp_path: Path) -> None:
    root = birds(tmp_path)
    path = root / "CUB_200_2011" / "images" / "002.Auklet" / "auk_1.jpg"
    gradient = Image.linear_gradient("L").rotate(90).resize((60, 40)).convert("RGB")
    gradient.save(path, quality=100)
    with Image.open(path) as opened:
        # the half side is 3/4 of 20 pixels; the box's middle is at 46 across and 15 down
        expected = opened.crop((31, 0, 60, 30)).resize((19, 20), Image.Resampling.BILINEAR)
    whole = load(root, "test", box=False)
    cropped = load(root, "test").image(0)
    assert cropped.shape == (20, 19, 3)
    assert np.abs(cropped.astype(int) - np.asarray(expected, dtype=int)).max() <= 1
    assert whole.image(0).shape == (19, 28, 3)
    image = load(root, "test").sample(0, seed=3).image
    assert image.shape == (3, 16, 16)
    assert torch.equal(image, load(root, "test").sample(0, seed=4).image)


def test_without_a_folder_text_captions_come_from_the_pickle(tmp_path: Path) -> None:
    root = birds(tmp_path)
    for path in sorted((root / "text").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (root / "text").rmdir()
    words = {0: "<end>", 1: "red", 2: "blue", 3: "bird"}
    numbers = {word: number for number, word in words.items()}
    train = [[1, 3], [2, 3], [3], [1], [2], [3, 1]]
    content = [train, [[2, 3]], words, numbers]
    (root / "captions.pickle").write_bytes(pickle.dumps(content, protocol=2))
    assert load(root).captions(0) == ("red bird", "blue bird")
    assert load(root).captions(2) == ("blue", "bird red")
    assert load(root, "test").captions(0) == ("blue bird",)
    content[0] = train[:5]
    (root / "captions.pickle").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DataError, match="5 captions for 3 images of train"):
        load(root)


def test_an_empty_line_is_skipped_and_remarked_not_shifted(tmp_path: Path) -> None:
    root = birds(tmp_path)
    path = root / "text" / "001.Albatross" / "one_1.txt"
    write(path, "a white bird\n\n  \na big bird\n\n")
    metadata = read_release(root)
    assert load(root).captions(0) == ("a white bird", "a big bird")
    assert load(root).captions(1) == BIRDS[1][2]
    places = [(one.code, one.place.line) for one in metadata.remarks if one.place]
    assert places == [("empty-caption", 2), ("empty-caption", 3)]
    assert metadata.problems == ()


FAULTS: list[tuple[str, Callable[[Path], object], str, str]] = [
    ("no-folder", lambda root: (root / "CUB_200_2011").rename(root / "birds"), "CUB_200_2011", "no folder"),
    ("missing-file", lambda root: _images(root).unlink(), "images.txt", "no file"),
    ("missing-file", lambda root: _boxes(root).unlink(), "bounding_boxes.txt", "no file"),
    ("missing-file", lambda root: _text(root).unlink(), "one_1.txt", "no file"),
    ("missing-file", lambda root: _image(root).unlink(), "images.txt:1", "one_1.jpg"),
    ("missing-file", lambda root: _names(root).unlink(), "filenames.pickle", "no file"),
    ("no-captions", lambda root: _text(root).write_text(" \n\n"), "one_1.txt", "no caption"),
    ("no-captions", lambda root: (root / "text").rename(root / "texts"), "text", "neither"),
    ("metadata-encoding", lambda root: _text(root).write_bytes(b"a\nb\xff\n"), "one_1.txt:2", "UTF-8"),
    ("bad-release", lambda root: write(_images(root), "1\n"), "images.txt:1", "'1'"),
    (
        "bad-release",
        lambda root: names(root, "train", {"a": "b"}),
        "filenames.pickle",
        "is not a list of strings",
    ),
    (
        "bad-release",
        lambda root: names(root, "train", ["001.Albatross/other", *"ab"]),
        "filenames.pickle",
        "other",
    ),
    (
        "bad-release",
        lambda root: names(root, "train", [1, 2], "class_info"),
        "class_info.pickle",
        "2 classes",
    ),
    ("file-outside", lambda root: names(root, "train", ["../../x"]), "filenames.pickle", "outside"),
    ("broken-pickle", lambda root: _names(root).write_bytes(b"\x80"), "filenames.pickle", "cannot be read"),
    ("unsafe-pickle", lambda root: _names(root).write_bytes(b"cos\nsystem\n."), "names.pickle", "os.system"),
    ("bad-box", lambda root: write(_boxes(root), "1 0 0 5 x\n"), "bounding_boxes.txt:1", "5 x"),
]


def _images(root: Path) -> Path:
    return root / "CUB_200_2011" / "images.txt"


def _boxes(root: Path) -> Path:
    return root / "CUB_200_2011" / "bounding_boxes.txt"


def _text(root: Path) -> Path:
    return root / "text" / "001.Albatross" / "one_1.txt"


def _image(root: Path) -> Path:
    return root / "CUB_200_2011" / "images" / "001.Albatross" / "one_1.jpg"


def _names(root: Path) -> Path:
    return root / "train" / "filenames.pickle"


@pytest.mark.parametrize(("code", "fault", "place", "message"), FAULTS)
def test_a_fault_names_its_place_what_was_expected_and_the_command(
    tmp_path: Path, code: str, fault: Callable[[Path], object], place: str, message: str
) -> None:
    root = birds(tmp_path / "birds")
    fault(root)
    with pytest.raises(DataError) as caught:
        load(root)
    found = next(one for one in caught.value.problems if one.code == code)
    assert message in found.message
    assert str(found.place).endswith(place)
    assert found.expected
    assert found.next_step == f"attnforge data prepare cub --from ARCHIVE_OR_FOLDER -o {root}"


def test_a_root_without_images_is_one_problem_and_not_thousands() -> None:
    with pytest.raises(DataError) as caught:
        load(shared("cub_metadata"))
    assert [one.code for one in caught.value.problems] == ["no-captions", "no-images"]
    assert "8,855" in str(caught.value)


def test_an_image_in_both_splits_is_found_when_both_are_read(tmp_path: Path) -> None:
    root = birds(tmp_path)
    names(root, "test", ["002.Auklet/auk_1", "003.Crow/crow_1"])
    names(root, "test", [2, 3], "class_info")
    (found,) = read_release(root).problems
    assert found.code == "duplicate-file"
    assert found.message == "CUB_200_2011/images/003.Crow/crow_1.jpg is in both train and test"


def test_without_pickles_or_list_the_split_is_not_defined(tmp_path: Path) -> None:
    root = birds(tmp_path, pickles=False)
    (root / "CUB_200_2011" / "train_test_split.txt").unlink()
    with pytest.raises(DataError, match="the images of split train are not defined"):
        load(root)


def test_a_damaged_image_is_named_when_it_is_loaded(tmp_path: Path) -> None:
    root = birds(tmp_path)
    whole = _image(root).read_bytes()
    _image(root).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"one_1\.jpg cannot be read") as caught:
        load(root).sample(0, seed=0)
    assert "attnforge data prepare cub" in str(caught.value)


@pytest.mark.parametrize(("name", "train", "test"), [("emoji_cub_layout_tiny", 60, 19)])
def test_a_release_made_by_others_is_read(name: str, train: int, test: int) -> None:
    root = shared(name)
    data = [load(root, "train", 64), load(root, "test", 64)]
    assert [len(one) for one in data] == [train, test]
    assert all(len(one.captions(index)) == 10 for one in data for index in range(len(one)))
    sample = data[0].sample(7, seed=1)
    assert sample.image.shape == (3, 64, 64)
    assert sample.caption in data[0].captions(7)
