"""Captions of official releases go into a run and out again; those of data are written as official ones."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from attnforge_attngan.official.captions import FILE
from attnforge_attngan.official.exporting import export_official
from attnforge_attngan.official.importing import OfficialFiles, import_official
from attnforge_attngan.official.vocabulary import read_captions
from small_official import import_command, vocabulary
from small_releases import BIRDS, birds

from attnforge.cli import run as attnforge
from attnforge.recipe import resolve
from attnforge.recipe.seal import seal
from attnforge.sampling.pipeline import Pipeline


@pytest.fixture
def copy(imported: Path, tmp_path: Path) -> Path:
    run = shutil.copytree(imported, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoints"))
    (run / "checkpoints").symlink_to(imported / "checkpoints")
    return Path(run)


def exported(run: Path, out: Path) -> tuple[list[Any], str]:
    export = export_official(run, out)
    assert all(path.is_file() for path in export.paths)
    content: list[Any] = pickle.loads((out / "captions.pickle").read_bytes())
    return content, export.captions


def test_imported_captions_are_given_back_as_they_were(imported: Path, tmp_path: Path) -> None:
    content, said = exported(imported, tmp_path / "out")
    assert content == vocabulary()
    assert "imported captions.pickle" in said


def test_files_that_were_given_back_import_to_the_same_run(
    imported: Path, files: OfficialFiles, recipe: Path, tmp_path: Path
) -> None:
    export_official(imported, tmp_path / "out", discriminators=True)
    again = OfficialFiles(
        generator=tmp_path / "out/netG_epoch_0.pth",
        text_encoder=tmp_path / "out/text_encoder0.pth",
        image_encoder=tmp_path / "out/image_encoder0.pth",
        captions=tmp_path / "out/captions.pickle",
        discriminators=tuple(tmp_path / f"out/netD{index}.pth" for index in range(3)),
    )
    assert read_captions(again.captions) == read_captions(files.captions)
    run = import_official(again, tmp_path / "run", recipe=recipe).path
    for path in sorted((imported / "checkpoints/gan-0000000").glob("*.safetensors")):
        assert (run / "checkpoints/gan-0000000" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (run / FILE).read_bytes() == (imported / FILE).read_bytes()
    assert (run / "vocabulary.json").read_bytes() == (imported / "vocabulary.json").read_bytes()


def test_damaged_captions_are_said_and_the_rest_is_written(copy: Path, tmp_path: Path) -> None:
    (copy / FILE).write_bytes((copy / FILE).read_bytes()[:-5])
    content, said = exported(copy, tmp_path / "out")
    assert content == [[], [], *vocabulary()[2:]]
    assert "damaged" in said


def test_captions_of_the_data_are_written_equally_many_an_image(copy: Path, tmp_path: Path) -> None:
    (copy / FILE).unlink()
    root = birds(tmp_path / "birds")
    with_data(copy, f"data={{use: cub, root: {root}}}")
    content, said = exported(copy, tmp_path / "out")
    tokenizer = Pipeline.load(copy, device="cpu").parts.tokenizer
    # a third caption of two images has the known words of a first one, since each is told three times
    for split, found in zip(("train", "test"), content, strict=False):
        expected = []
        for _, _, captions in (one for one in BIRDS if one[1] == split):
            known = [ids for ids in map(tokenizer.encode, captions) if ids]
            expected += [known[place % len(known)] for place in range(3)]
        assert found == expected
    assert "3 per image" in said
    for split in ("train", "test"):
        for name in ("filenames", "class_info"):
            official = pickle.loads((root / split / f"{name}.pickle").read_bytes())
            assert pickle.loads((tmp_path / "out" / split / f"{name}.pickle").read_bytes()) == official


def test_a_run_without_its_data_says_that_there_are_no_captions(copy: Path, tmp_path: Path) -> None:
    (copy / FILE).unlink()
    with_data(copy, f"data={{use: cub, root: {tmp_path / 'moved-away'}}}")
    content, said = exported(copy, tmp_path / "out")
    assert content == [[], [], *vocabulary()[2:]]
    assert "none" in said
    assert "moved-away" in said
    assert not (tmp_path / "out/train").exists()


def with_data(run: Path, override: str) -> None:
    """Give a run other data."""
    changed = resolve(run / "recipe.lock.yaml", overrides=[override])
    (run / "recipe.lock.yaml").write_text(seal(changed.frozen()))


def test_an_imported_run_can_be_moved(
    files: OfficialFiles, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert attnforge(import_command(files, recipe, Path("run"))) == 0
    (tmp_path / "here/run").rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    assert attnforge(["train", "there/", "--out", "there", "--resume"]) == 0
    assert (tmp_path / "there/checkpoints/gan-0000001").is_dir()
    assert Pipeline.load(tmp_path / "there", device="cpu").parts.tokenizer.tokens("RED café") == ["red"]
