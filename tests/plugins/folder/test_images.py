"""A folder of images without captions: what is found in it, and what cannot be trained on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from attnforge_folder.images import Images
from PIL import Image

from attnforge.errors import DataError, RecipeError
from attnforge.interfaces import Dataset
from attnforge.recipe import resolve
from attnforge.specs import DataSpec


def write(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30), "red").save(path)
    return root


def load(root: Path, split: str = "train") -> Images:
    return Images(DataSpec(split=split, image_size=16), root=str(root))


def keys(data: Images) -> list[str]:
    return [data.key(index) for index in range(len(data))]


def test_images_of_folders_by_name(tmp_path: Path) -> None:
    root = write(
        tmp_path, "train/b.png", "train/deep/a.JPG", "test/c.webp", "train/.hidden.png", ".git/d.png"
    )
    (root / "train/notes.txt").write_text("not an image")
    train, test = load(root), load(root, "test")
    assert isinstance(train, Dataset)
    assert (keys(train), keys(test)) == (["train/b.png", "train/deep/a.JPG"], ["test/c.webp"])
    sample = train.sample(0, seed=1)
    assert sample.image.shape == (3, 16, 16)
    assert (sample.caption, train.captions(1)) == ("image", ("image",))
    assert train.class_id(0) != train.class_id(1)


def test_images_without_splits_are_split_by_their_names(tmp_path: Path) -> None:
    root = write(tmp_path, *(f"{number}.png" for number in range(30)))
    train, test = keys(load(root)), keys(load(root, "test"))
    assert sorted(train + test) == sorted(f"{number}.png" for number in range(30))
    assert 0 < len(test) < 10
    write(root, "more.png")
    assert set(test) <= set(keys(load(root, "test")))


@pytest.mark.parametrize(("name", "code"), [("missing", "no-folder"), ("empty", "empty-data")])
def test_a_folder_without_images_is_refused(name: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as error:
        load(tmp_path / name)
    assert [problem.code for problem in error.value.problems] == [code]


def test_parts_that_need_captions_are_refused_where_they_are_written() -> None:
    with pytest.raises(RecipeError) as error:
        resolve("attngan2-sketch-birds", overrides=["data={use: images, root: x}"])
    assert {problem.code for problem in error.value.problems} == {"needs-captions"}
    named = {problem.message.partition(" needs ")[0] for problem in error.value.problems}
    assert {"conditioner `sentence`", "attention `word`", "loss `damsm`", "metric `r-precision`"} <= named
    assert all(problem.place is not None and problem.place.line for problem in error.value.problems)


@pytest.mark.parametrize("name", ["df-gan-cub", "rat-gan-cub", "ssa-gan-cub", "stackgan-cub"])
def test_families_that_need_captions(name: str) -> None:
    with pytest.raises(RecipeError, match="needs captions"):
        resolve(name, overrides=["data={use: images, root: x}", "phases.damsm=null", "evaluation.metrics={}"])
