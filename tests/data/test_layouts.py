"""Layouts of Hugging Face: metadata in the folder of each split, and tables with embedded images."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
import torch
from attnforge_folder.dataset import Folder
from PIL import Image

from attnforge.cli import run as attnforge
from attnforge.data.reading.metadata import read_metadata
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.errors import DataError
from attnforge.specs import DataSpec


def image(number: int) -> Image.Image:
    return Image.new("RGB", (20, 20), (10 * number, 100, 50))


def write(folder: Path, *numbers: int, name: str = "metadata.jsonl") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        image(number).save(folder / f"{number}.png")
    if name.endswith(".csv"):
        lines = ["file_name,text", *(f"{number}.png,bird {number}" for number in numbers)]
    else:
        lines = [json.dumps({"file_name": f"{number}.png", "text": f"bird {number}"}) for number in numbers]
    (folder / name).write_text("\n".join(lines))


def keys(root: Path, split: str) -> list[str]:
    data = Folder(DataSpec(split=split, image_size=16), root=str(root))
    return [data.key(index) for index in range(len(data))]


def test_folders_named_after_splits_are_splits(tmp_path: Path) -> None:
    write(tmp_path / "train", 1, 2)
    write(tmp_path / "validation", 3, name="metadata.csv")
    assert keys(tmp_path, "train") == ["train/1.png", "train/2.png"]
    assert keys(tmp_path, "test") == ["validation/3.png"]


def test_beside_test_images_for_validation_are_not_used_and_that_is_remarked(tmp_path: Path) -> None:
    for folder, number in (("train", 1), ("test", 2), ("validation", 3)):
        write(tmp_path / folder, number)
    assert (keys(tmp_path, "train"), keys(tmp_path, "test")) == (["train/1.png"], ["test/2.png"])
    (remark,) = read_metadata(tmp_path).remarks
    assert remark.code == "unused-metadata"


def test_other_folders_are_split_by_names_and_nested_ones_are_found(tmp_path: Path) -> None:
    write(tmp_path / "birds" / "red", *range(12))
    write(tmp_path / "fish", *range(12))
    every = sorted([*keys(tmp_path, "train"), *keys(tmp_path, "test")])
    assert every == sorted(f"{folder}/{n}.png" for folder in ("birds/red", "fish") for n in range(12))


def test_problems_name_the_file_that_they_are_in(tmp_path: Path) -> None:
    write(tmp_path / "train", 1, 2)
    write(tmp_path / "test", 3)
    (tmp_path / "train" / "2.png").unlink()
    (problem,) = read_metadata(tmp_path).problems
    assert str(problem.place) == f"{tmp_path}/train/metadata.jsonl:2"
    (tmp_path / "test" / "3.png").write_bytes(b"x")
    write(tmp_path / "train", 2)
    with pytest.raises(DataError) as caught:
        keys(tmp_path, "test")
    assert str(caught.value.problems[0].place) == f"{tmp_path}/test/metadata.jsonl:1"


def test_two_files_in_one_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train", 1)
    write(tmp_path / "train", 1, name="metadata.csv")
    (problem,) = read_metadata(tmp_path).problems
    assert (problem.code, str(problem.place)) == ("two-metadata-files", f"{tmp_path}/train")


def encoded(number: int) -> bytes:
    content = io.BytesIO()
    image(number).save(content, "PNG")
    return content.getvalue()


def table(path: Path, count: int, first: int = 0, **columns: list[object]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    images = [{"bytes": encoded(first + number), "path": f"{number}.png"} for number in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    captions = {"text": [f"bird {first + number}" for number in range(count)]}
    content = {"image": images, **(columns or captions)}
    parquet.write_table(pyarrow.table(content), path, row_group_size=3)
    return path.parent


def test_tables_with_embedded_images_are_read(tmp_path: Path) -> None:
    table(tmp_path / "data" / "train-00000-of-00002.parquet", 7)
    table(tmp_path / "data" / "train-00001-of-00002.parquet", 4, first=7)
    table(tmp_path / "data" / "test-00000-of-00001.parquet", 2, first=11)
    train, test = (
        Folder(DataSpec(split=s, image_size=20), root=str(tmp_path), crop=False) for s in ("train", "test")
    )
    assert (len(train), len(test)) == (11, 2)
    for index in (10, 0, 5, 6):
        sample = train.sample(index, seed=0)
        assert sample.caption == f"bird {index}"
        assert torch.equal(sample.image[:, 0, 0], torch.tensor([10 * index, 100, 50], dtype=torch.uint8))
    assert test.captions(1) == ("bird 12",)
    assert attnforge(["data", "check", str(tmp_path)]) == 0


@pytest.mark.parametrize("captions", [[["a", "b"], ["c"]], ["a", "c"]])
@pytest.mark.parametrize("name", ["caption", "captions"])
def test_captions_have_several_names_and_may_be_lists(
    tmp_path: Path, captions: list[object], name: str
) -> None:
    metadata, _ = read_stored(table(tmp_path / "t.parquet", 2, **{name: captions}))
    assert [len(row.captions) for row in metadata.usable().rows] == [
        len(c) if isinstance(c, list) else 1 for c in captions
    ]


def test_tables_become_shards(tmp_path: Path) -> None:
    captions: list[object] = [f"bird {number}" for number in range(5)]
    root = table(tmp_path / "tables" / "a.parquet", 5, text=captions, split=["train"] * 5)
    assert attnforge(["data", "shard", str(root), str(tmp_path / "shards"), "--images", "2"]) == 0
    assert attnforge(["data", "check", str(tmp_path / "shards")]) == 1  # no image is for testing
    problem = read_stored(root)[0].empty_split("test")
    assert problem is not None
    assert "a table test.parquet, or tables with other names" in str(problem.expected)


def test_of_folders_or_tables_for_training_only_a_tenth_is_for_testing(tmp_path: Path) -> None:
    write(tmp_path / "files" / "train", *range(20))
    for root in (tmp_path / "files", table(tmp_path / "tables" / "train-00000-of-00001.parquet", 20)):
        metadata = read_stored(root)[0]
        assert [remark.code for remark in metadata.remarks] == ["single-split"]
        assert 0 < metadata.rows.split_counts()["test"] < 10


def test_columns_of_tables_have_other_usual_names(tmp_path: Path) -> None:
    root = table(tmp_path / "t.parquet", 3, text=["a", "b", "c"])
    pyarrow = pytest.importorskip("pyarrow")
    content = {"label": [1, 2, 3], "jpg": [encoded(number) for number in range(3)], "prompt": list("xyz")}
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table(content), root / "t.parquet")
    metadata, store = read_stored(root)
    assert [row.captions for row in metadata.usable().rows] == [("x",), ("y",), ("z",)]
    assert [remark.code for remark in metadata.remarks] == ["unread-column"]
    with store.image(1).opened() as stream:
        assert stream.read() == encoded(1)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"size": [1, 2]}, "bad-table"),
        ({"text": [None, ""]}, "no-captions"),
        ({"text": [1, 2]}, "bad-captions"),
    ],
)
def test_tables_without_captions_are_refused(
    tmp_path: Path, columns: dict[str, list[object]], code: str
) -> None:
    metadata, _ = read_stored(table(tmp_path / "t.parquet", 2, **columns))
    assert {problem.code for problem in metadata.problems} == {code}


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    root = table(tmp_path / "t.parquet", 2)
    (root / "t.parquet").write_bytes((root / "t.parquet").read_bytes()[:-20])
    metadata, _ = read_stored(root)
    assert [problem.code for problem in metadata.problems] == ["bad-table"]


def test_without_pyarrow_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    metadata, _ = read_stored(tmp_path)
    (problem,) = metadata.problems
    assert (problem.code, problem.next_step) == ("no-pyarrow", "pip install 'attnforge[parquet]'")
