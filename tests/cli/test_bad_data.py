"""Data as people have it: what is wrong is said before training, with the file and what mends it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from photographs import photograph
from small_releases import BIRDS, birds, photographs, write
from tiny_run import TINY

from attnforge.cli import run
from attnforge.data.feeding.sampler import PositionSampler
from attnforge.errors import DataError
from attnforge.recipe import resolve
from attnforge.run.training import train as train_recipe
from attnforge.train.progress import ConsoleReporter

CROW = "CUB_200_2011/images/003.Crow/crow_1.jpg"


def train(root: Path, name: str, out: Path) -> int:
    return run(["train", "quickstart", f"data={{use: {name}, root: {root}}}", *TINY[2:], "--out", str(out)])


def cut_short(path: Path) -> None:
    photograph(90, 60).save(path)
    path.write_bytes(path.read_bytes()[:-500])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda root: shutil.rmtree(root / "CUB_200_2011" / "images"), "none of the 3 images exists"),
        (lambda root: cut_short(root / CROW), "crow_1.jpg cannot be read: the file is truncated"),
        (lambda root: write(root / CROW, "<html>"), "crow_1.jpg cannot be read: it is a web page"),
        (lambda root: write(root / CROW, ""), "crow_1.jpg cannot be read: it is empty"),
        (lambda root: write(root / "text/003.Crow/crow_1.txt", "\n\n"), "the file has no captions"),
    ],
)
def test_training_does_not_start_on_birds_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Callable[[Path], object], said: str
) -> None:
    root = birds(tmp_path / "birds")
    fault(root)
    assert train(root, "cub", tmp_path / "run") == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert f"next: attnforge data prepare cub --from ARCHIVE_OR_FOLDER -o {root}" in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "run").exists()


def test_a_photograph_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "coco"
    photographs(root, "train", {"a.jpg": ["a cat"], "b.jpg": ["a dog"]})
    (root / "images" / "b.jpg").unlink()
    assert train(root, "coco", tmp_path / "run") == 1
    shown = capsys.readouterr().err
    assert f"error[missing-file]: there is no image images/b.jpg\n  at {root}/annotations" in shown
    assert f"next: attnforge data prepare coco --from ARCHIVE_OR_FOLDER -o {root}" in shown


def test_an_empty_line_and_unequal_counts_of_captions_shift_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = birds(tmp_path / "birds")
    write(root / "text/001.Albatross/one_1.txt", "a white bird\n\n a big bird\n\n")
    assert run(["data", "prepare", "cub", "-o", str(root), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == []
    (remark,) = [remark for remark in report["remarks"] if remark["code"] == "empty-caption"]
    assert remark["place"]["line"] == 2
    assert report["captions"] == sum(len(captions) for _, _, captions in BIRDS)
    assert report["captions_per_image"] == {"least": 1, "median": 2, "most": 3}


def test_one_damaged_image_among_many_is_found_by_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = birds(tmp_path / "birds")
    path = root / CROW
    photograph(90, 60).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(60) + whole[len(whole) // 2 + 60 :])
    assert run(["data", "prepare", "cub", "-o", str(root)]) == 1
    shown = capsys.readouterr().out
    assert "error[damaged-image]" in shown
    assert "crow_1.jpg" in shown
    assert "1 problem" in shown


def test_a_run_survives_an_image_that_breaks_while_it_trains(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    for number in range(24):
        photograph(80, 70, seed=number).save(root / f"{number:02d}.png")
    lines = [{"file_name": f"{n:02d}.png", "text": "a red bird", "split": "train"} for n in range(23)]
    lines.append({"file_name": "23.png", "text": "a blue bird", "split": "test"})
    write(root / "metadata.jsonl", "\n".join(json.dumps(line) for line in lines))
    broken = root / f"{PositionSampler(23, seed=1)[11].index:02d}.png"
    whole = broken.read_bytes()
    # head and end are whole, so only drawing it shows the damage
    broken.write_bytes(whole[:60] + bytes(400) + whole[460:])
    overrides = [f"data={{use: folder, root: {root}}}", *TINY[2:], "evaluation.metrics.attributes=null"]
    recipe = resolve("quickstart", overrides=[*overrides, "samples.count=1"])
    with pytest.raises(DataError, match=broken.name) as caught:
        train_recipe(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert caught.value.problems[0].next_step == f"attnforge data check {root}"
    saved = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert [name.rsplit("-", 1)[0] for name in saved] == ["damsm"]
    broken.write_bytes(whole)
    assert train_recipe(recipe, tmp_path / "run", resume=True, reporter=ConsoleReporter()).finished
