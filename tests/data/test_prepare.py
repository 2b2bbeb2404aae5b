"""`attnforge data prepare` lays out a data set from what people have, and names what is wrong with it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_releases import BIRDS, birds, photographs

from attnforge.cli import run
from attnforge.cli.data import command
from attnforge.errors import DataError


def prepare(name: str, root: Path, *sources: Path) -> Result:
    given = [word for source in sources for word in ("--from", str(source))]
    return CliRunner().invoke(command, ["prepare", name, *given, "-o", str(root)])


def packed(folder: Path, archive: Path, kind: str = "zip") -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.make_archive(str(archive), kind, folder.parent, folder.name))


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_archives_of_the_release_become_its_layout(tmp_path: Path) -> None:
    whole = birds(tmp_path / "birds")
    images = packed(whole / "CUB_200_2011", tmp_path / "CUB_200_2011", "gztar")
    release = tmp_path / "release" / "birds"
    packed(whole / "text", release / "text")
    for split in ("train", "test"):
        shutil.copytree(whole / split, release / split)
    (release / "__MACOSX").mkdir()
    (release / "__MACOSX" / "images.txt").write_text("no list")
    result = prepare("cub", tmp_path / "root", images, packed(release, tmp_path / "birds"))
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "root") == files(whole)
    assert f"images                {len(BIRDS)} (train 3, test 1)" in result.output
    assert "1 to 3 (median 2) per image" in result.output
    assert "no problems" in result.output


def test_a_folder_is_checked_in_its_place_and_nothing_is_changed(tmp_path: Path) -> None:
    root = birds(tmp_path / "birds")
    before = files(root)
    for sources in ((), (root,)):
        result = prepare("cub", root, *sources)
        assert result.exit_code == 0, result.output
        assert files(root) == before


def test_one_damaged_image_and_an_empty_line_are_named_and_mended(tmp_path: Path) -> None:
    good = birds(tmp_path / "good")
    root = tmp_path / "root"
    shutil.copytree(good, root)
    damaged = root / "CUB_200_2011" / "images" / "003.Crow" / "crow_1.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    (root / "text" / "001.Albatross" / "one_1.txt").write_text("a white bird\n\na big bird\n")
    result = prepare("cub", root)
    assert result.exit_code == 1
    assert "error[broken-image]" in result.output
    assert "crow_1.jpg" in result.output
    assert f"next: attnforge data prepare cub --from ARCHIVE_OR_FOLDER -o {root}" in result.output
    assert "one_1.txt:2" in result.output
    assert "1 problem, " in result.output
    assert prepare("cub", root, good).exit_code == 0
    assert files(root) == files(good)


def test_photographs_and_annotations_are_merged(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for split, name in (("train", "a.jpg"), ("test", "b.jpg")):
        photographs(source, split, {name: ["a cat"]})
        about = "train2017" if split == "train" else "val2017"
        (source / about).mkdir()
        (source / "images" / name).rename(source / about / name)
    archives = [packed(source / one, tmp_path / one) for one in ("train2017", "val2017", "annotations")]
    result = prepare("coco", tmp_path / "root", *archives)
    assert result.exit_code == 0, result.output
    assert sorted(files(tmp_path / "root")) == [
        "annotations/captions_train2017.json",
        "annotations/captions_val2017.json",
        "images/a.jpg",
        "images/b.jpg",
    ]


def test_the_command_that_is_named_reads_the_only_file_for_both_splits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs(tmp_path, "test", {f"{number}.jpg": ["a cat"] for number in range(30)})
    assert run(["data", "prepare", "coco", "-o", str(tmp_path)]) == 1
    step = next(line for line in capsys.readouterr().out.splitlines() if "next: " in line)
    assert run(shlex.split(step.partition("attnforge ")[2])) == 0
    assert "images                30 (train " in capsys.readouterr().out


def test_an_option_that_the_data_set_lacks_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, option in (("coco", "trian=x"), ("coco", "train"), ("cub", "train=x")):
        assert run(["data", "prepare", name, "-o", str(tmp_path), "--set", option]) == 1
        assert f"error[unknown-data-option]: `{option}`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "source", "code"),
    [
        ("cub", "empty", "nothing-to-prepare"),
        ("cub", "none.zip", "no-archive"),
        ("folder", "empty", "nothing-to-lay-out"),
        ("cup", "empty", "unknown-component"),
    ],
)
def test_what_cannot_be_prepared_is_an_error_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, source: str, code: str
) -> None:
    (tmp_path / "empty").mkdir()
    words = ["data", "prepare", name, "--from", str(tmp_path / source), "-o", str(tmp_path / "root")]
    assert run(words) == 1
    shown = capsys.readouterr().err
    assert f"error[{code}]" in shown
    assert "Traceback" not in shown
    assert files(tmp_path) == {}


def test_a_root_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    source = birds(tmp_path / "birds")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "text").write_text("a file where a folder should be")
    result = prepare("cub", tmp_path / "root", source)
    assert isinstance(result.exception, DataError)
    assert result.exception.problems[0].code == "data-not-written"
