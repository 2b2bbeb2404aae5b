"""Every problem of a folder's metadata is found with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from unreadable import needs_an_unreadable_file, unreadable

from attnforge.data.reading.fields import clean
from attnforge.data.reading.metadata import Metadata, read_metadata
from attnforge.errors import DataError


def folder(path: Path, *lines: Any, images: tuple[str, ...] = ("a.png", "b.png", "c.png")) -> Path:
    path.mkdir(exist_ok=True)
    for name in images:
        (path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path / name)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (path / "metadata.jsonl").write_text("\n".join(texts), encoding="utf-8")
    return path


def found(metadata: Metadata) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.place.line if problem.place else None) for problem in metadata.problems]


def test_rows_hold_what_the_lines_say(tmp_path: Path) -> None:
    first = {
        "file_name": "a.png",
        "captions": ["  one\n bird ", "two"],
        "class_id": 4,
        "bbox": [1, 2, 3, 4.5],
    }
    root = folder(tmp_path, first, "", {"file_name": "sub/b.png", "text": "three", "split": "test"},
                  images=("a.png", "sub/b.png"))  # fmt: skip
    one, other = read_metadata(root).usable().rows
    assert (one.file_name, one.captions, one.class_id, one.line) == ("a.png", ("one bird", "two"), 4, 1)
    assert one.box == (1.0, 2.0, 3.0, 4.5)
    assert (other.file_name, other.captions, other.class_id) == ("sub/b.png", ("three",), None)
    assert (other.split, other.box, other.line) == ("test", None, 3)


def test_line_breaks_within_a_cell_do_not_disturb_the_line_numbers(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "metadata.jsonl").unlink()
    (root / "metadata.csv").write_text(
        'file_name,text\na.png,"one\u2028\ntwo"\ngone.png,x\n', encoding="utf-8"
    )
    metadata = read_metadata(root)
    assert metadata.rows[0].captions == ("one two",)
    assert found(metadata) == [("missing-file", 4)]


def test_csv_says_the_same_as_json_lines(tmp_path: Path) -> None:
    record = {"file_name": "a.png", "captions": ["one, two", "three"], "class_id": 2, "bbox": [1, 2, 3, 4]}
    lines = folder(tmp_path / "lines", {**record, "split": "test"}, {"file_name": "b.png", "text": "four"})
    table = folder(tmp_path / "table")
    (table / "metadata.jsonl").unlink()
    (table / "metadata.csv").write_text(
        "\ufefffile_name,captions,text,class_id,bbox,split\r\n"
        'a.png,"[""one, two"", ""three""]",,2,1 2 3 4,test\r\n'
        "b.png,,four,,,\r\n",
        encoding="utf-8",
    )
    from_lines, from_table = read_metadata(lines).usable().rows, read_metadata(table).usable().rows
    assert [(r.file_name, r.captions, r.class_id, r.box, r.split) for r in from_lines] == [
        (r.file_name, r.captions, r.class_id, r.box, r.split) for r in from_table
    ]
    assert [row.line for row in from_table] == [2, 3]


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    good = {"file_name": "a.png", "text": "fine"}
    root = folder(
        tmp_path,
        good,
        '{"file_name": "b.png", ',
        {"file_name": "gone.png", "text": "x"},
        good,
        {"file_name": "b.png", "captions": ["", "  "]},
        {"file_name": "c.png", "text": "x", "split": "tset"},
        {"text": "x"},
        {"file_name": "../a.png", "text": "x"},
        {"file_name": "/etc/a.png", "text": "x"},
        {"file_name": "c.png", "text": "x", "bbox": [1, 2, 0, 4]},
        "[1]",
        {"file_name": "c.png", "captions": [1], "class_id": "two"},
    )
    assert found(read_metadata(root)) == [
        ("bad-json", 2),
        ("missing-file", 3),
        ("duplicate-file", 4),
        ("no-captions", 5),
        ("unknown-split", 6),
        ("no-file-name", 7),
        ("file-outside", 8),
        ("bad-box", 10),
        ("duplicate-file", 10),
        ("bad-json", 11),
        ("bad-captions", 12),
        ("bad-class-id", 12),
        ("duplicate-file", 12),
    ]
    assert "also on line 9" in read_metadata(root).problems[6].message
    with pytest.raises(DataError, match=r"metadata\.jsonl:2:") as caught:
        read_metadata(root).usable()
    assert len(caught.value.problems) == 13
    assert "train" in str(caught.value.problems[4].expected) or "test" in str(
        caught.value.problems[4].expected
    )


def test_a_long_list_of_problems_is_cut_short(tmp_path: Path) -> None:
    names = ["a.png", *(f"{number}.png" for number in range(50))]
    root = folder(tmp_path, *({"file_name": name, "text": "x"} for name in names))
    with pytest.raises(DataError, match="30 more problems") as caught:
        read_metadata(root).usable()
    assert caught.value.problems[-1].code == "more-problems"
    assert caught.value.problems[-1].next_step == f"attnforge data check {root}"
    assert len(read_metadata(root).problems) == 50


def test_an_empty_caption_beside_a_good_one_is_a_remark(tmp_path: Path) -> None:
    metadata = read_metadata(folder(tmp_path, {"file_name": "a.png", "captions": ["good", " "]})).usable()
    assert metadata.rows[0].captions == ("good",)
    assert [remark.code for remark in metadata.remarks] == ["empty-caption"]


@pytest.mark.parametrize(
    ("name", "content", "code", "line"),
    [
        ("metadata.jsonl", b'{"file_name": "a.png",\xff', "metadata-encoding", 1),
        ("metadata.jsonl", b"\n\n", "empty-data", None),
        ("metadata.jsonl", b"[" * 100_000, "bad-json", 1),
        ("metadata.csv", b"file_name,text\na.png,x,y\n", "bad-csv", 2),
        ("metadata.csv", b'file_name,text\na.png,"x', "bad-csv", 2),
        ("metadata.csv", b"name,text\na.png,x\n", "no-file-name", 2),
        ("metadata.csv", b"", "empty-data", None),
        ("other.json", b"{}", "no-metadata", None),
    ],
)
def test_an_unusable_file_is_named(
    tmp_path: Path, name: str, content: bytes, code: str, line: int | None
) -> None:
    (folder(tmp_path) / "metadata.jsonl").unlink()
    (tmp_path / name).write_bytes(content)
    assert found(read_metadata(tmp_path)) == [(code, line)]


@needs_an_unreadable_file
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (folder(tmp_path) / "metadata.jsonl").unlink()
    unreadable(tmp_path / "metadata.jsonl")
    assert found(read_metadata(tmp_path)) == [("metadata-unreadable", None)]


def test_a_missing_folder_and_two_files_are_named(tmp_path: Path) -> None:
    assert [code for code, _ in found(read_metadata(tmp_path / "none"))] == ["no-folder"]
    (folder(tmp_path) / "metadata.csv").write_text("file_name,text\n")
    assert [code for code, _ in found(read_metadata(tmp_path))] == ["two-metadata-files"]


def test_without_splits_about_one_in_ten_is_for_testing(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(400)]
    root = folder(
        tmp_path / "many", *({"file_name": name, "text": "x"} for name in names), images=tuple(names)
    )
    splits = {row.file_name: row.split for row in read_metadata(root).usable().rows}
    assert 20 <= list(splits.values()).count("test") <= 60
    fewer = folder(tmp_path / "many", *({"file_name": name, "text": "x"} for name in names[::-2]), images=())
    assert all(splits[row.file_name] == row.split for row in read_metadata(fewer).usable().rows)


def test_a_tiny_folder_still_has_both_splits(tmp_path: Path) -> None:
    for count in (2, 3):
        root = folder(
            tmp_path, *({"file_name": name, "text": "x"} for name in ("a.png", "b.png", "c.png")[:count])
        )
        assert sorted({str(row.split) for row in read_metadata(root).usable().rows}) == ["test", "train"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"file_name": "' + "x" * 5000 + '", "text": "x"}', "missing-file"),
        ('{"file_name": "a\\u0000.png", "text": "x"}', "missing-file"),
        ('{"file_name": "\\ud800.png", "text": "x"}', "missing-file"),
        ('{"file_name": "a.png", "text": "x", "class_id": ' + "9" * 5000 + "}", "bad-json"),
        ('{"file_name": "a.png", "text": "x", "class_id": -1}', "bad-class-id"),
        ('{"file_name": "a.png", "text": "x", "class_id": true}', "bad-class-id"),
        ('{"file_name": "a.png", "text": "x", "bbox": [1, 2, 3, ' + "9" * 400 + "]}", "bad-box"),
        ('{"file_name": "a.png", "text": "x", "bbox": [1, 2, 3, NaN]}', "bad-box"),
        ('{"file_name": "a.png", "text": "\\ud800 "}', "no-captions"),
    ],
    ids=lambda value: value[:40],
)
def test_odd_values_are_problems(tmp_path: Path, line: str, code: str) -> None:
    assert found(read_metadata(folder(tmp_path, line))) == [(code, 1)]


@given(st.text(max_size=60))
def test_cleaning_leaves_single_blanks_only(caption: str) -> None:
    cleaned = clean(caption)
    assert cleaned == cleaned.strip()
    assert cleaned.split() == caption.split()
    assert "  " not in cleaned
    assert clean(cleaned) == cleaned


records = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=5) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(["file_name", "captions", "text", "class_id", "bbox", "split"])


@given(st.lists(st.dictionaries(keys, records), max_size=4), st.text(max_size=40))
def test_no_content_is_a_surprise(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], noise: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "surprise"
    root.mkdir(exist_ok=True)
    lines = [json.dumps(row) for row in rows]
    (root / "metadata.jsonl").write_text("\n".join([*lines, noise]), encoding="utf-8", errors="replace")
    metadata = read_metadata(root)
    assert metadata.problems
    assert not metadata.rows
