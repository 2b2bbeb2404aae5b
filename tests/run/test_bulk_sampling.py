"""A file of captions is sampled line by line: the same images however the work is divided or interrupted."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import attnforge.sampling.bulk.generating as generating
import attnforge.sampling.bulk.layouts as layouts
import attnforge.sampling.bulk.plan as plan
import attnforge.sampling.bulk.work as work
from attnforge.cli import run as attnforge
from attnforge.sampling.bulk.plan import Part

CAPTIONS = [
    "a red bird",
    "a small blue bird with a black crown",
    "a red bird",
    "a large white bird",
    "a green bird with a brown belly and a red crown",
    "a black bird",
    "a small yellow bird",
]
"""The third repeats the first."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Blocks of two captions, if each has two images."""
    monkeypatch.setattr(plan, "BLOCK_IMAGES", 4)
    monkeypatch.chdir(tmp_path)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "captions.txt"
    path.write_text("\n".join(CAPTIONS) + "\n")
    return path


def sample(run: Path, file: Path, out: str, *options: str, count: int = 2) -> int:
    arguments = ["--captions", str(file), "--per-caption", str(count), "--out", out, "--device", "cpu"]
    return attnforge(["sample", str(run), *arguments, *options])


def images(out: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(out).glob("*/*.png"))}


def pixels(out: str) -> dict[str, np.ndarray]:
    files = sorted(Path(out).glob("*/*.png"))
    return {path.name: np.asarray(Image.open(path)).astype(int) for path in files}


def problem(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def reference(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All images, sampled by one process without interruption; not to be changed."""
    folder = tmp_path_factory.mktemp("reference")
    file = folder / "captions.txt"
    file.write_text("\n".join(CAPTIONS) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "BLOCK_IMAGES", 4)
        assert sample(trained, file, str(folder / "out")) == 0
    return folder / "out"


def test_every_line_has_its_images_in_blocks_with_an_index(reference: Path) -> None:
    assert sorted(path.name for path in reference.iterdir()) == [
        *("000000", "000001", "000002", "000003", "samples.json"),
    ]
    rows = [json.loads(row) for row in (reference / "000001/index.jsonl").read_text().splitlines()]
    assert [(row["line"], row["index"], row["caption"]) for row in rows] == [
        *((3, 0, CAPTIONS[2]), (3, 1, CAPTIONS[2]), (4, 0, CAPTIONS[3]), (4, 1, CAPTIONS[3])),
    ]
    assert all((reference / "000001" / row["file"]).stat().st_size == row["bytes"] for row in rows)
    assert len(images(str(reference))) == 2 * len(CAPTIONS)
    assert Image.open(reference / "000000/000000001-000.png").size == (32, 32)


def test_a_repeated_caption_and_every_index_have_noise_of_their_own(reference: Path) -> None:
    files = images(str(reference))
    assert len(set(files.values())) == len(files)


def test_parts_together_are_the_whole_bit_by_bit(trained: Path, file: Path, reference: Path) -> None:
    for number in (3, 1, 2):
        assert sample(trained, file, "parts", "--part", f"{number}/3") == 0
    assert images("parts") == images(str(reference))
    assert not Path("parts/.unfinished").exists()


def test_torchrun_s_variables_choose_the_part(
    trained: Path, file: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert sample(trained, file, "rank") == 0
    assert sorted(path.name for path in Path("rank").glob("0*")) == ["000001", "000003"]
    assert images("rank").items() <= images(str(reference)).items()


@pytest.mark.long
def test_processes_sample_the_same_bit_by_bit(trained: Path, file: Path, reference: Path) -> None:
    assert sample(trained, file, "two", "--processes", "2") == 0
    assert images("two") == images(str(reference))


def test_other_batches_change_an_image_by_one_grey_level_at_most(
    trained: Path, file: Path, reference: Path
) -> None:
    expected = pixels(str(reference))
    for size in ("1", "3"):
        assert sample(trained, file, size, "--batch-size", size) == 0
        actual = pixels(size)
        assert actual.keys() == expected.keys()
        assert max(abs(actual[name] - image).max() for name, image in expected.items()) <= 1


def test_more_images_of_a_caption_keep_the_first(trained: Path, file: Path, reference: Path) -> None:
    assert sample(trained, file, "three", count=3) == 0
    more = pixels("three")
    assert max(abs(more[name] - image).max() for name, image in pixels(str(reference)).items()) <= 1
    assert len(more) == 3 * len(CAPTIONS)


def test_only_blocks_that_are_not_whole_are_sampled_again(
    trained: Path, file: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(reference, "again")
    (Path("again") / "000000/000000001-001.png").unlink()
    (Path("again") / "000001/000000003-000.png").write_bytes(b"")
    (Path("again") / "000002/index.jsonl").write_text("")
    untouched = (Path("again") / "000003").stat().st_mtime_ns
    assert sample(trained, file, "again") == 0
    assert "12 images sampled" in (shown := capsys.readouterr().out)
    assert "2 were there before" in shown
    assert images("again") == images(str(reference))
    assert (Path("again") / "000003").stat().st_mtime_ns == untouched


def test_a_full_disk_loses_only_the_block_in_work(
    trained: Path,
    file: Path,
    reference: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    encode, calls = layouts.encode_image, iter(range(100))

    def full(*arguments: object, **options: object) -> bytes:
        if next(calls) >= 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return encode(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(layouts, "encode_image", full)
    assert sample(trained, file, "full") == 1
    assert "error[images-not-written]" in (shown := problem(capsys))
    assert "No space left on device" in shown
    assert sorted(path.name for path in Path("full").iterdir()) == ["000000", "000001", "samples.json"]
    monkeypatch.setattr(layouts, "encode_image", encode)
    assert sample(trained, file, "full") == 0
    assert images("full") == images(str(reference))


def test_drafts_of_a_killed_process_are_removed(trained: Path, file: Path, reference: Path) -> None:
    draft = Path("killed/.unfinished/1-of-1/000002")
    draft.mkdir(parents=True)
    (draft / "000000005-000.png").write_bytes(b"half")
    assert sample(trained, file, "killed") == 0
    assert images("killed") == images(str(reference))
    assert not Path("killed/.unfinished").exists()


@pytest.mark.parametrize("options", [("--seed", "2"), ("--precision", "bf16"), ("--format", "jpeg")])
def test_images_of_something_else_are_not_mixed(
    options: tuple[str, str],
    trained: Path,
    file: Path,
    reference: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(reference, "mixed")
    assert sample(trained, file, "mixed", *options) == 1
    assert "error[samples-differ]" in (shown := problem(capsys))
    assert options[0].removeprefix("--") in shown
    assert options[1] in shown
    assert images("mixed") == images(str(reference))


def test_other_captions_are_not_mixed(
    trained: Path, file: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(reference, "mixed")
    file.write_text(file.read_text().replace("white", "black"))
    assert sample(trained, file, "mixed") == 1
    assert "captions was" in problem(capsys)


def test_a_folder_of_other_files_is_refused(
    trained: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own").mkdir()
    Path("own/000000.tar").write_text("mine")
    assert sample(trained, file, "own") == 1
    assert "error[samples-differ]" in problem(capsys)
    assert Path("own/000000.tar").read_text() == "mine"


def test_shards_and_arrays_hold_the_same_images(trained: Path, file: Path, reference: Path) -> None:
    expected = pixels(str(reference))
    assert sample(trained, file, "shards", "--shards") == 0
    members = {}
    for path in sorted(Path("shards").glob("*.tar")):
        with tarfile.open(path) as archive:
            names = archive.getnames()
            assert names == sorted(names, key=lambda name: name.split(".")[0])
            members.update({name: archive.extractfile(name).read() for name in names})  # type: ignore[union-attr]
    assert {name: data for name, data in members.items() if name.endswith(".png")} == images(str(reference))
    assert json.loads(members["000000005-001.json"]) == {"line": 5, "index": 1, "caption": CAPTIONS[4]}
    assert sample(trained, file, "arrays", "--format", "npz") == 0
    for path in sorted(Path("arrays").glob("*.npz")):
        with np.load(path) as archive:
            for line, index, image in zip(
                archive["lines"], archive["indices"], archive["images"], strict=True
            ):
                assert (image == expected[f"{line:09d}-{index:03d}.png"]).all()
            assert [CAPTIONS[line - 1] for line in archive["lines"]] == archive["captions"].tolist()
    for folder, name in (("shards", "000001.tar"), ("arrays", "000002.npz")):
        whole = (Path(folder) / name).read_bytes()
        (Path(folder) / name).write_bytes(whole[: len(whole) // 2])
        options = ("--shards",) if folder == "shards" else ("--format", "npz")
        assert sample(trained, file, folder, *options) == 0
        assert (Path(folder) / name).read_bytes()[-64:] == whole[-64:]


def test_jpeg_is_close_to_the_pixels(trained: Path, file: Path, reference: Path) -> None:
    assert sample(trained, file, "jpeg", "--format", "jpeg", "--quality", "100") == 0
    expected = pixels(str(reference))
    for path in Path("jpeg").glob("*/*.jpg"):
        assert abs(np.asarray(Image.open(path)) - expected[path.stem + ".png"]).mean() < 2


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("a red bird",), "cannot be combined with a CAPTION"),
        (("--attention",), "cannot be combined with --attention"),
        (("--format", "npz", "--shards"), "without --shards"),
        (("--per-caption", "0"), "0 is not in the range"),
        (("--part", "0/4"), "error[bad-part]"),
        (("--part", "half"), "error[bad-part]"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: tuple[str, ...], shown: str, trained: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample(trained, file, "refused", *options) != 0
    assert shown in problem(capsys)
    assert not Path("refused").exists()


def test_options_of_files_are_refused_without_one(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["sample", str(trained), "a red bird", "--part", "1/2"]) == 2
    assert "--part needs --captions FILE" in problem(capsys)


def test_a_folder_that_cannot_be_written_is_refused_before_sampling(
    trained: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("")
    assert sample(trained, file, "taken") == 1
    assert "error[images-not-written]" in problem(capsys)


def test_parts_of_parts_cover_every_block_once() -> None:
    for count, processes, total in ((1, 1, 5), (3, 2, 20), (8, 5, 7), (2, 3, 6)):
        parts = [part for number in range(count) for part in Part(number + 1, count).split(processes)]
        assert sorted(block for part in parts for block in part.blocks(total)) == list(range(total))
        for number in range(count):
            whole = Part(number + 1, count)
            split = sorted(block for part in whole.split(processes) for block in part.blocks(total))
            assert split == list(whole.blocks(total))


def test_an_interrupt_keeps_finished_blocks_and_removes_drafts(
    trained: Path,
    file: Path,
    reference: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    generate, calls = generating.generate_rows, iter(range(100))

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return generate(*arguments, **options)

    monkeypatch.setattr(work, "QUEUED_PER_ENCODER", 1)
    monkeypatch.setattr(generating, "generate_rows", interrupted)
    assert sample(trained, file, "stopped") == 130
    assert "the same command resumes" in capsys.readouterr().out
    assert {"000000", "samples.json"} <= {path.name for path in Path("stopped").iterdir()}
    assert not Path("stopped/.unfinished").exists()
    assert len(images("stopped")) < len(images(str(reference)))
    assert sample(trained, file, "stopped") == 0
    assert images("stopped") == images(str(reference))
