"""Captions that other tools keep elsewhere become metadata, without losing any file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from attnforge.cli import run as attnforge
from attnforge.data.reading.converting import ORIGINAL, convert
from attnforge.data.reading.metadata import read_metadata
from attnforge.data.reading.metadata_files import NAMES
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.errors import DataError


def images(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / name)
    return root


def rows(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "metadata.jsonl").read_text("utf-8").splitlines()]


def test_text_files_beside_images(tmp_path: Path) -> None:
    root = images(tmp_path, "a.png", "val/b.jpg", "c.png", ".hidden/d.png")
    (root / "a.txt").write_text("\ufeffa red  apple\n\n an apple\n", encoding="utf-8")
    (root / "val/b.txt").write_text("a pear", encoding="utf-8")
    converted = convert(root)
    assert (len(converted.rows), converted.captions, converted.without_captions) == (2, 3, 1)
    assert rows(root) == [
        {"file_name": "a.png", "captions": ["a red apple", "an apple"]},
        {"file_name": "val/b.jpg", "captions": ["a pear"], "split": "test"},
    ]
    assert read_metadata(root).problems == ()


def test_names_of_folders(tmp_path: Path) -> None:
    root = images(
        tmp_path, "train/001.Red_Apple/a.png", "train/002.pear/b.png", "test/002.pear/c.png", "d.png"
    )
    assert convert(root, template="a photo of a {class}").without_captions == 1
    assert rows(root) == [
        {
            "file_name": "test/002.pear/c.png",
            "captions": ["a photo of a pear"],
            "class_id": 1,
            "split": "test",
        },
        {
            "file_name": "train/001.Red_Apple/a.png",
            "captions": ["a photo of a Red Apple"],
            "class_id": 0,
            "split": "train",
        },
        {
            "file_name": "train/002.pear/b.png",
            "captions": ["a photo of a pear"],
            "class_id": 1,
            "split": "train",
        },
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions.csv", 'image,caption\na.png,"an apple, red"\nb.png,a pear\na.png,a fruit\n'),
        ("captions.tsv", "image\tdescription\na.png\tan apple, red\nb.png\ta pear\na.png\ta fruit\n"),
        ("results.csv", "image_name; comment\na.png;an apple, red\nb.png;a pear\na.png;a fruit\n"),
        (
            "captions.json",
            '[{"image": "a.png", "caption": ["an apple, red", "a fruit"]},'
            ' {"image": "b.png", "caption": "a pear"}]',
        ),
        ("captions.json", '{"a.png": ["an apple, red", "a fruit"], "b.png": "a pear"}'),
        (
            "captions_val2014.json",
            '{"images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}], "annotations": '
            '[{"image_id": 7, "caption": "an apple, red"}, {"image_id": 9, "caption": "a pear"},'
            ' {"image_id": 7, "caption": "a fruit"}]}',
        ),
        (
            "metadata.jsonl",
            '{"image": "a.png", "caption": ["an apple, red", "a fruit"]}\n'
            '{"image": "b.png", "caption": "a pear"}\n',
        ),
        ("metadata.csv", 'image,caption\na.png,"an apple, red"\nb.png,a pear\na.png,a fruit\n'),
    ],
)  # fmt: skip
def test_tables(tmp_path: Path, name: str, content: str) -> None:
    root = images(tmp_path, "a.png", "b.png", "c.png")
    (root / name).write_text(content, encoding="utf-8")
    renames = {"file_name": "image_name", "text": " comment"} if "comment" in content else {}
    assert convert(root, renames=renames).without_captions == 1
    assert rows(root) == [
        {"file_name": "a.png", "captions": ["an apple, red", "a fruit"]},
        {"file_name": "b.png", "captions": ["a pear"]},
    ]
    kept = f"{ORIGINAL}{name}" if name in NAMES else name
    assert (root / kept).read_text("utf-8") == content
    assert read_metadata(root).problems == ()


@pytest.mark.parametrize(
    ("files", "options", "code"),
    [
        ({}, {}, "nothing-to-convert"),
        ({"metadata.jsonl": "{}"}, {}, "metadata-exists"),
        ({"metadata.jsonl": '{"file_name": "a.png", "text": "an apple", "note": 1}'}, {}, "metadata-exists"),
        ({"metadata.jsonl": '{"image": "a.png"'}, {}, "metadata-exists"),
        ({"metadata.jsonl": '{"image": "a.png"}'}, {"template": "a {class}"}, "metadata-exists"),
        ({"a.csv": "image;size\na.png;3\n"}, {}, "no-such-column"),
        ({"a.csv": "caption\nan apple\n"}, {}, "no-such-column"),
        ({"a.json": "[{"}, {}, "bad-table"),
        ({"a.json": '{"images": []}'}, {}, "bad-table"),
        ({"a.json": '{"a": 1}'}, {}, "bad-table"),
        ({"a.csv": "a.png,an apple\n"}, {}, "no-such-column"),
        ({"a.csv": "image,caption,size\na.png,a red, round apple,3\n"}, {}, "bad-table"),
        ({"a.csv": b"\xff\xfe\x00"}, {}, "metadata-encoding"),
        ({"a.csv": "image,caption\na.png,Vögelchen\n".encode("cp1252")}, {}, "metadata-encoding"),
        ({}, {"template": "an apple"}, "no-class-in-caption"),
    ],
)
def test_what_cannot_be_converted_is_left_as_it_is(
    tmp_path: Path, files: dict[str, str | bytes], options: dict[str, str], code: str
) -> None:
    root = images(tmp_path, "a.png")
    for name, content in files.items():
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    with pytest.raises(DataError) as caught:
        convert(root, template=options.get("template"))
    assert [problem.code for problem in caught.value.problems] == [code]
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_the_command_says_what_it_found_and_what_to_type_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = images(tmp_path / "fruit", "a.png", "b.png")
    assert attnforge(["data", "check", str(root)]) == 1
    (root / "a.txt").write_text("an apple")
    assert attnforge(["data", "check", str(root)]) == 1
    assert f"next: attnforge data convert {root}" in capsys.readouterr().out
    assert attnforge(["data", "convert", str(root), "--column", "image"]) == 2
    assert attnforge(["data", "convert", str(root), "--encoding", "latin-17"]) == 2
    assert attnforge(["data", "convert", str(root)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("1 image, 1 caption, 1 image without captions, from text files")
    assert shown[1] == f"next: attnforge data check {root}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", "image,text\na.png,an apple\n"),
        ("metadata.jsonl", '{"image": "a.png", "text": "an apple"}\n'),
    ],
)
def test_a_renamed_column_points_to_a_command_that_repairs_it(
    tmp_path: Path, name: str, content: str
) -> None:
    root = images(tmp_path, "a.png")
    (root / name).write_text(content)
    [problem] = read_metadata(root).problems
    assert problem.code == "no-file-name"
    assert problem.next_step == f"attnforge data convert {root}"
    convert(root)
    assert rows(root) == [{"file_name": "a.png", "captions": ["an apple"]}]


@pytest.mark.parametrize(("name", "column"), [("metadata", "file_name"), ("table", "image")])
def test_a_parquet_table_that_names_image_files(tmp_path: Path, name: str, column: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pytest.importorskip("pyarrow").table
    root = images(tmp_path, "a.png", "b.png")
    content = {column: ["a.png", "b.png"], "caption": ["an apple", "a pear"], "score": [1.5, 2.5]}
    parquet.write_table(table(content), root / f"{name}.parquet")
    [problem] = read_stored(root)[0].problems
    assert problem.code == "bad-table"
    assert f"`{column}` holds texts" in problem.message
    assert problem.next_step == f"attnforge data convert {root}"
    convert(root)
    assert [row["captions"] for row in rows(root)] == [["an apple"], ["a pear"]]
    assert read_stored(root)[0].problems == ()


def test_a_folder_that_cannot_be_written_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = images(tmp_path, "a.png")
    (root / "a.txt").write_text("an apple")

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DataError) as caught:
        convert(root)
    assert [problem.code for problem in caught.value.problems] == ["metadata-not-written"]
    assert sorted(path.name for path in root.iterdir()) == ["a.png", "a.txt"]


def test_a_file_that_is_in_the_way_is_never_overwritten(tmp_path: Path) -> None:
    root = images(tmp_path, "a.png")
    (root / "metadata.csv").write_text("image,caption\na.png,an apple\n")
    (root / f"{ORIGINAL}metadata.csv").write_text("precious")
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    with pytest.raises(DataError) as caught:
        convert(root)
    assert [problem.code for problem in caught.value.problems] == ["metadata-not-written"]
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_text_in_another_encoding_needs_its_name(tmp_path: Path) -> None:
    root = images(tmp_path, "a.png", "b.png")
    (root / "a.txt").write_bytes("ein Vögelchen".encode("cp1252"))
    (root / "b.txt").write_bytes("ein Käfer".encode("utf-16"))  # has a byte order mark
    with pytest.raises(DataError) as caught:
        convert(root)
    [problem] = caught.value.problems
    assert (problem.code, str(problem.place)) == ("metadata-encoding", f"{root}/a.txt:1")
    assert problem.next_step == f"attnforge data convert {root} --encoding cp1252"
    assert not (root / "metadata.jsonl").exists()
    convert(root, encoding="cp1252")
    assert [row["captions"] for row in rows(root)] == [["ein Vögelchen"], ["ein Käfer"]]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("file_name;text\na.png;Vögelchen\n".encode(), ""),
        ("file_name,text\na.png,Vögelchen\n".encode("utf-16"), ""),
        ("file_name,text\na.png,Vögelchen\n".encode("cp1252"), " --encoding cp1252"),
    ],
)
def test_what_a_spreadsheet_wrote_points_to_a_command_that_repairs_it(
    tmp_path: Path, content: bytes, options: str
) -> None:
    root = images(tmp_path, "a.png")
    (root / "metadata.csv").write_bytes(content)
    [problem] = read_metadata(root).problems
    assert problem.next_step == f"attnforge data convert {root}{options}"
    assert attnforge(problem.next_step.split()[1:]) == 0
    assert rows(root) == [{"file_name": "a.png", "captions": ["Vögelchen"]}]


def test_text_files_elsewhere_are_matched_by_name_and_folder(tmp_path: Path) -> None:
    root = images(tmp_path, *(f"images/{name}.JPG" for name in ("x/1", "y/1", "z/1", "2", "3")))
    texts = {"x/1.txt": "one x", "y/1.TXT": "one y", "2.caption": "two", "other.txt": "no image"}
    for name, text in texts.items():
        (root / "text" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "text" / name).write_text(text)
    [problem] = read_metadata(root).problems
    assert "text files called as the images, such as text/2.caption, are ignored" in problem.message
    assert convert(root).without_captions == 2
    assert {row["file_name"]: row["captions"] for row in rows(root)} == {
        "images/2.JPG": ["two"],
        "images/x/1.JPG": ["one x"],
        "images/y/1.JPG": ["one y"],
    }


@pytest.mark.parametrize(
    "name",
    ["b.png", "images/b.png", r"images\b.png", "B.PNG", "b", "b.jpg", "ROOT/images/b.png", "/data/b.png"],
)
def test_images_are_found_by_names_that_other_tools_wrote(tmp_path: Path, name: str) -> None:
    root = images(tmp_path, "images/a.png", "images/b.png", "more/a.png")
    names = [name.replace("ROOT", str(root)), "a.png", "more/a.png"]
    (root / "some.json").write_text(json.dumps([{"image": name, "caption": "a fruit"} for name in names]))
    converted = convert(root)
    assert (converted.missing, converted.without_captions) == (1, 1)
    assert [row["file_name"] for row in rows(root)] == ["images/b.png", "a.png", "more/a.png"]


def test_tables_beside_each_other_are_read_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = images(tmp_path, "a.png", "b.png", "c.png")
    (root / "settings.json").write_text('{"width": 8}')
    (root / "train.csv").write_text("image,caption\na.png,a red, round apple\na.png,an apple\nb.png,a pear\n")
    (root / "val.csv").write_text("image,caption\nc.png,a plum\nd.png,gone\n")
    assert attnforge(["data", "convert", str(root)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("3 images, 5 captions, 1 line without an image, from train.csv and val.csv, in")
    assert "not read, since no captions of images are in it: settings.json" in shown
    assert rows(root) == [
        {"split": "train", "file_name": "a.png", "captions": ["a red, round apple", "an apple"]},
        {"split": "train", "file_name": "b.png", "captions": ["a pear"]},
        {"split": "test", "file_name": "c.png", "captions": ["a plum"]},
        {"split": "test", "file_name": "d.png", "captions": ["gone"]},
    ]


def test_a_split_that_is_the_only_one_is_dropped(tmp_path: Path) -> None:
    root = images(tmp_path, *(f"train/{name}/{number}.png" for name in "ab" for number in range(9)))
    assert "--caption" in str(read_metadata(root).problems[0].next_step)
    convert(root, template="a {class}")
    assert all("split" not in row for row in rows(root))


def test_lines_of_one_image_are_merged_with_its_box(tmp_path: Path) -> None:
    root = images(tmp_path, "a.png", "b.png")
    lines = [
        {"file_name": f"{name}.png", "text": f"{text} {name}", "bbox": [1, 2, 3, 4]}
        for name in "ab"
        for text in ("one", "two\u2028more")
    ]
    (root / "metadata.jsonl").write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    [problem] = read_metadata(root).problems
    assert (problem.code, problem.next_step) == ("duplicate-file", f"attnforge data convert {root}")
    convert(root)
    assert rows(root) == [
        {"file_name": f"{name}.png", "captions": [f"one {name}", f"two more {name}"], "bbox": [1, 2, 3, 4]}
        for name in "ab"
    ]


@pytest.mark.parametrize("names", [(), ("a.png",)])
def test_no_command_is_suggested_that_would_fail_again(tmp_path: Path, names: tuple[str, ...]) -> None:
    root = images(tmp_path, *names)
    (root / "loop.txt").symlink_to("loop.txt")
    assert read_metadata(root).problems[0].next_step is None
    with pytest.raises(DataError) as caught:
        convert(root)
    assert caught.value.problems[0].next_step is None


def test_a_column_that_is_named_comes_before_one_that_is_guessed(tmp_path: Path) -> None:
    root = images(tmp_path, "a.png")
    (root / "some.csv").write_text("image,caption,caption_en\na.png,eine Birne,a pear\n")
    with pytest.raises(DataError) as caught:
        convert(root, renames={"text": "caption_fr"})
    assert [problem.code for problem in caught.value.problems] == ["no-such-column"]
    convert(root, renames={"text": "caption_en"})
    assert rows(root) == [{"file_name": "a.png", "captions": ["a pear"]}]


@pytest.mark.parametrize(("titles", "numbers"), [(("7", "9"), [7, 9]), (("pear", "7"), [0, 1])])
def test_numbers_of_classes_are_kept(tmp_path: Path, titles: tuple[str, str], numbers: list[int]) -> None:
    root = images(tmp_path, "a.png", "b.png")
    lines = "".join(f"{name}.png,x,{title}\n" for name, title in zip("ab", titles, strict=True))
    (root / "some.csv").write_text(f"image,caption,class\n{lines}")
    convert(root)
    assert [row["class_id"] for row in rows(root)] == numbers
