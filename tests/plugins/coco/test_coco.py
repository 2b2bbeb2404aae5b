"""Photographs of COCO's own files and of AttnGAN's release; faults name their file and the remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attnforge_coco.dataset import Coco
from small_releases import image, names, photographs, write

from attnforge.errors import DataError
from attnforge.interfaces import Dataset
from attnforge.specs import DataSpec

SHARED = Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[4] / "shared" / "data"))
TRAIN = {"a.jpg": ["a cat ", "one cat\nsleeps"], "b.jpg": ["a dog"]}


def load(root: Path, split: str = "train", size: int = 16, **options: Any) -> Coco:
    return Coco(DataSpec(split=split, image_size=size), root=str(root), **options)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    photographs(tmp_path, "train", TRAIN)
    photographs(tmp_path, "test", {"c.jpg": ["a bus"] * 7}, first=5)
    return tmp_path


def keys(data: Coco) -> list[str]:
    return [data.sample(index, seed=0).key for index in range(len(data))]


def test_each_split_is_a_json_file(root: Path) -> None:
    train, test = load(root), load(root, "test")
    assert isinstance(train, Dataset)
    assert keys(train) == ["images/a.jpg", "images/b.jpg"]
    assert keys(test) == ["images/c.jpg"]
    assert train.captions(0) == ("a cat", "one cat sleeps")
    assert len(test.captions(0)) == 7
    assert {train.sample(0, seed=seed).caption for seed in range(40)} == {"a cat", "one cat sleeps"}
    assert train.class_id(0) != train.class_id(1)
    assert train.sample(0, seed=2).image.shape == (3, 16, 16)


@pytest.mark.parametrize("folder", ["train2017", "images/train2017"])
def test_images_are_found_where_the_archives_put_them(root: Path, folder: str) -> None:
    (root / "moved").mkdir()
    for name in TRAIN:
        (root / "images" / name).rename(root / "moved" / name)
    (root / folder).parent.mkdir(exist_ok=True)
    (root / "moved").rename(root / folder)
    assert keys(load(root)) == [f"{folder}/{name}" for name in TRAIN]


def test_one_file_for_both_splits_is_divided_by_name(tmp_path: Path) -> None:
    photographs(tmp_path, "train", {f"{number}.jpg": ["a cat"] for number in range(60)})
    options = dict.fromkeys(("train", "test"), "annotations/captions_train2017.json")
    train, test = keys(load(tmp_path, **options)), keys(load(tmp_path, "test", **options))
    assert sorted(train + test) == sorted(f"images/{number}.jpg" for number in range(60))
    assert 1 <= len(test) <= 15


def test_a_file_of_another_name_serves_both_splits_when_only_its_images_are_there(tmp_path: Path) -> None:
    path = photographs(tmp_path, "train", {f"{number}.jpg": ["a cat"] for number in range(40)})
    content = json.loads(path.read_text())
    path.rename(path.with_name("captions_mine.json"))
    content["images"] += [{"id": 100 + number, "file_name": f"none_{number}.jpg"} for number in range(100)]
    content["annotations"] += [{"image_id": 100 + number, "caption": "a cat"} for number in range(100)]
    write(tmp_path / "annotations" / "captions_of_others.json", json.dumps(content))
    assert len(load(tmp_path)) + len(load(tmp_path, "test")) == 40
    write(tmp_path / "annotations" / "captions_again.json", (path.parent / "captions_mine.json").read_text())
    with pytest.raises(DataError, match="there is no file for train") as caught:
        load(tmp_path)
    step = f"attnforge data prepare coco -o {tmp_path}"
    assert str(caught.value.problems[0].next_step).startswith(f"{step} --set train=annotations/captions_")


def test_of_two_years_the_recipe_chooses(root: Path) -> None:
    write(root / "annotations" / "captions_train2014.json", "{}")
    with pytest.raises(DataError, match=r"captions_train2014\.json, captions_train2017\.json") as caught:
        load(root)
    assert caught.value.problems[0].code == "no-annotations"
    assert len(load(root, train="annotations/captions_train2017.json")) == 2


def test_the_layout_of_attngan(tmp_path: Path) -> None:
    for split, name in (("train", "COCO_train2014_000000000009"), ("test", "COCO_val2014_000000000042")):
        names(tmp_path, split, [name])
        write(tmp_path / "text" / f"{name}.txt", f"an image of {split}\n")
        image(tmp_path / "images" / f"{name}.jpg")
    assert keys(load(tmp_path)) == ["images/COCO_train2014_000000000009.jpg"]
    assert load(tmp_path, "test").captions(0) == ("an image of test",)
    (tmp_path / "text" / "COCO_train2014_000000000009.txt").unlink()
    with pytest.raises(DataError, match="there is no file") as caught:
        load(tmp_path)
    assert "attnforge data prepare coco" in str(caught.value)


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def fault(root: Path) -> None:
        path = root / "annotations" / "captions_train2017.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return fault


@pytest.mark.parametrize(
    ("code", "fault", "message"),
    [
        ("missing-file", lambda root: (root / "images" / "b.jpg").unlink(), "no image images/b.jpg"),
        ("no-annotations", lambda root: (root / "annotations").rename(root / "other"), "no json file"),
        ("no-images", lambda root: (root / "images").rename(root / "elsewhere"), "none of the 2 images"),
        ("bad-json", lambda root: write(root / "annotations/captions_train2017.json", "{\n]"), "not JSON"),
        ("bad-annotations", changed(lambda content: content.pop("images")), "no list `images`"),
        ("bad-annotations", changed(lambda content: content["images"].append([])), "the 3. of `images`"),
        ("bad-annotations", changed(lambda content: content["images"].pop()), "about image 2"),
        ("bad-annotations", changed(lambda content: content["annotations"][0].pop("caption")), "`caption`"),
        ("no-captions", changed(lambda content: content["annotations"].pop()), "b.jpg, has no caption"),
        ("file-outside", changed(lambda it: it["images"][0].update(file_name="../x")), "outside"),
    ],
)
def test_a_fault_names_its_file_what_was_expected_and_the_command(
    root: Path, code: str, fault: Callable[[Path], object], message: str
) -> None:
    fault(root)
    with pytest.raises(DataError) as caught:
        load(root)
    found = next(one for one in caught.value.problems if one.code == code)
    assert message in found.message
    assert str(root) in str(found.place)
    assert found.expected
    assert found.next_step == f"attnforge data prepare coco --from ARCHIVE_OR_FOLDER -o {root}"


def test_a_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path / "none")
    assert [one.code for one in caught.value.problems] == ["no-folder"]


def test_real_photographs() -> None:
    if not (SHARED / "coco_open").is_dir():
        pytest.skip("coco_open is not in ATTNFORGE_DATA or ../shared/data")
    file = "annotations/captions_open.json"
    train = load(SHARED / "coco_open", size=64, train=file, test=file)
    test = load(SHARED / "coco_open", "test", size=64, train=file, test=file)
    assert len(train) + len(test) == 83
    assert all(len(train.captions(index)) == 5 for index in range(len(train)))
    assert train.sample(0, seed=0).image.shape == (3, 64, 64)
