"""A mistake of a whole file is reported once, by its cause and with the nearest name."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from attnforge.data.reading.metadata import read_metadata
from attnforge.errors import Problem

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
MANY = [f"{number}.png" for number in range(30)]


def problems(root: Path, content: str, *images: str, name: str = "metadata.jsonl") -> tuple[Problem, ...]:
    for image in images:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / image)
    (root / name).write_text(content, encoding="utf-8")
    return read_metadata(root).problems


def lines(*records: dict[str, Any]) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


@pytest.mark.parametrize(
    ("written", "there", "difference"),
    [
        (COMPOSED, DECOMPOSED, "Unicode normalization"),
        (DECOMPOSED, COMPOSED, "Unicode normalization"),
        ("a.png", "A.PNG", "upper and lower case"),
        ("images/a.png", "Images/a.png", "folder that differs in upper and lower case"),
        ("sub\\a.png", "sub/a.png", "forward slashes"),
        ("a.jpg", "a.png", "another extension"),
        ("a.png", "images/a.png", "another folder"),
        ("images/a.png", "a.png", "another folder"),
        ("red_brid.png", "red_bird.png", "similar name"),
    ],
)
def test_a_name_that_is_written_otherwise_is_reported(
    written: str, there: str, difference: str, tmp_path: Path
) -> None:
    (problem,) = problems(tmp_path, lines({"file_name": written, "text": "x"}), there)
    assert problem.code == "missing-file"
    assert difference in problem.message
    assert ascii(there) in str(problem.expected) or there in str(problem.expected)


def test_a_name_that_differs_in_a_number_is_of_another_image(tmp_path: Path) -> None:
    content = lines({"file_name": "bird_0001.png", "text": "x"}, {"file_name": "bird_0002.png", "text": "x"})
    (problem,) = problems(tmp_path, content, "bird_0001.png")
    assert "bird_0001" not in problem.message


def test_backslashes_in_every_line_are_one_problem(tmp_path: Path) -> None:
    content = lines(*({"file_name": f"sub\\{name}", "text": "x"} for name in MANY))
    (problem,) = problems(tmp_path, content, *(f"sub/{name}" for name in MANY))
    assert "also on lines 2, 3, 4, 5, 6 and 24 more" in problem.message


def test_a_folder_without_any_of_the_images_is_one_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(*({"file_name": name, "text": "x"} for name in MANY)))
    assert (problem.code, "30 images" in problem.message) == ("no-images", True)


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_reported_once(separator: str, name: str, tmp_path: Path) -> None:
    table = "\n".join(separator.join(row) for row in [("file_name", "text"), *((one, "x") for one in MANY)])
    (problem,) = problems(tmp_path, table, *MANY, name="metadata.csv")
    assert (problem.code, name in problem.message) == ("bad-csv", True)


def test_a_table_without_a_header_is_reported_once(tmp_path: Path) -> None:
    table = "\n".join(f"{name},a bird" for name in MANY)
    (problem,) = problems(tmp_path, table, *MANY, name="metadata.csv")
    assert (problem.code, "not a header" in problem.message) == ("bad-csv", True)


@pytest.mark.parametrize("column", ["image", "filename", "File_Name", "file name", "path", "file_nmae"])
def test_a_misspelt_name_column_is_reported_once(column: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(*({column: name, "text": "x"} for name in MANY)), *MANY)
    assert problem.code == "no-file-name"
    assert f"`{column}` but no `file_name`" in problem.message
    assert "24 more" in problem.message


@pytest.mark.parametrize("column", ["caption", "description", "Text", "captoins"])
def test_a_misspelt_caption_column_is_reported_once(column: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(*({"file_name": name, column: "x"} for name in MANY)), *MANY)
    assert (problem.code, f"`{column}`" in problem.message) == ("no-captions", True)


@pytest.mark.parametrize(("column", "meant"), [("spilt", "split"), ("box", "bbox"), ("class", "class_id")])
def test_a_column_that_is_nearly_read_is_a_remark(column: str, meant: str, tmp_path: Path) -> None:
    assert problems(tmp_path, lines({"file_name": "a.png", "text": "x", column: 1}), "a.png") == ()
    (remark,) = read_metadata(tmp_path).remarks
    assert remark.code == "unread-column"
    assert f"`{column}`" in remark.message
    assert f"`{meant}`" in str(remark.expected)


def test_other_columns_are_nobody_s_business(tmp_path: Path) -> None:
    record = {"file_name": "a.png", "text": "x", "id": 3, "width": 8, "author": "me", "license": "mine"}
    assert problems(tmp_path, lines(record), "a.png") == ()
    assert read_metadata(tmp_path).remarks == ()


def test_one_line_a_caption_is_reported_with_the_line_to_write(tmp_path: Path) -> None:
    content = lines(*({"file_name": name, "text": f"x{turn}"} for turn in range(3) for name in MANY))
    (problem,) = problems(tmp_path, content, *MANY)
    assert problem.code == "duplicate-file"
    assert "30 images have several lines" in problem.message
    assert '{"file_name": "0.png", "captions": ["x0", "x1"]}' in str(problem.expected)


def test_a_json_document_over_many_lines_is_reported_once(tmp_path: Path) -> None:
    document = json.dumps([{"file_name": name, "text": "x"} for name in MANY], indent=1)
    (problem,) = problems(tmp_path, document, *MANY)
    assert (problem.code, "one JSON document" in problem.message) == ("bad-json", True)


def test_lines_of_another_language_are_one_problem(tmp_path: Path) -> None:
    content = "\n".join(str({"file_name": name, "text": "x"}) for name in MANY)
    (problem,) = problems(tmp_path, content, *MANY)
    assert (problem.code, "24 more" in problem.message) == ("bad-json", True)


def test_a_file_in_utf_16_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("file_name,text\na.png,x\n", encoding="utf-16")
    (problem,) = read_metadata(tmp_path).problems
    assert (problem.code, "UTF-16" in problem.message) == ("metadata-encoding", True)


def test_validation_is_meant_for_testing(tmp_path: Path) -> None:
    content = lines(*({"file_name": name, "text": "x", "split": "val"} for name in MANY))
    (problem,) = problems(tmp_path, content, *MANY)
    assert problem.code == "unknown-split"
    assert "did you mean test?" in str(problem.expected)


def test_captions_beside_the_images_are_recognised(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a red bird\n")
    (problem,) = read_metadata(tmp_path).problems
    assert problem.code == "no-metadata"
    assert '{"file_name": "a.png", "captions": ["a red bird"]}' in str(problem.expected)


@pytest.mark.parametrize("name", ["captions.csv", "captions.json", "train.parquet"])
def test_a_table_of_another_name_is_recognised(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    (problem,) = read_metadata(tmp_path).problems
    assert name in problem.message
