"""Exported weights: read without a run, imported as one, refused when damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import attnforge
from attnforge.cli import run
from attnforge.errors import AttnforgeError, RunError
from attnforge.evaluate.results import Result
from attnforge.export.hub import CARD, GRID
from attnforge.storage.alone import read_alone
from attnforge.storage.checkpoints.manifest import MANIFEST, read_manifest

BIRD = "a red bird with white wings"


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "birds"
    assert run(["export", "hub", str(trained), "-o", str(folder)]) == 0
    return folder


def images(path: Path) -> np.ndarray:
    return attnforge.load(path, device="cpu")(BIRD, n=2).arrays


def test_an_exported_folder_generates_the_images_of_its_run(trained: Path, exported: Path) -> None:
    np.testing.assert_array_equal(images(exported), images(trained))
    names = {path.name for path in exported.glob("*.safetensors")}
    assert names == {"generator-average.safetensors", "image.safetensors", "text.safetensors"}
    assert not (exported / "optimizers.pt").exists()


def test_an_imported_folder_is_a_run_that_is_not_trained(
    trained: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "run"
    assert run(["import", "hub", str(exported), "-o", str(made)]) == 0
    np.testing.assert_array_equal(images(made), images(trained))
    assert attnforge.load(made).attend(BIRD)[0].regions is not None
    capsys.readouterr()
    assert run(["train", "--resume", str(made)]) == 1
    assert "it was exported for generating, not for training" in capsys.readouterr().err
    assert run(["import", "hub", str(exported), "-o", str(made)]) == 1
    assert "run-exists" in capsys.readouterr().err
    assert run(["import", "hub", str(tmp_path), "-o", str(tmp_path / "other")]) == 1
    assert "not-a-run" in capsys.readouterr().err


def test_the_card_says_what_a_hub_asks_and_people_need(exported: Path) -> None:
    text = (exported / CARD).read_text()
    front, body = text.split("---\n")[1:]
    for line in ("title: tiny", "library_name: attnforge", "pipeline_tag: text-to-image", "license: unknown"):
        assert line in front
    for part in (
        "## Use",
        f"It needs attnforge {attnforge.__version__} or newer.\n",
        "## Metrics",
        "| R-precision",
        "12 captions of the test split of `sketch-birds`, seed 1; candidates 100, folds 10, seed 1",
        "R-precision: scored by the run's own encoders",
        "## Limits",
        GRID,
    ):
        assert part in body
    with Image.open(exported / GRID) as grid:
        assert grid.width > 4 * 160


def test_the_card_has_a_measurement_once_with_what_to_know_of_it(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (file,) = (tmp_path / "run/measured").glob("gan-*.json")
    measured = json.loads(file.read_text())["metrics"]
    reason = "at least 10 images are needed, not 3"
    for name, metrics in {"same": measured, "few": {"FD withheld": reason}}.items():
        result = Result(
            system="run",
            protocol=name,
            metrics=metrics,
            main={},
            conditions={},
            evaluation={},
            weights={"checkpoint": file.name.rpartition("-")[0]},
            versions={},
            device="cpu",
            seconds=1,
        )
        result.write(tmp_path / f"run/results/{name}.json")
    assert run(["export", "hub", str(tmp_path / "run"), "-o", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / CARD).read_text()
    assert text.count("| R-precision (%) |") == 1
    assert f"| FD | withheld: {reason} | | protocol `few` of attnforge |" in text


def test_a_folder_is_written_without_what_is_damaged(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / 'a: b "c" #x'
    shutil.copytree(trained, copy)
    (measured,) = (copy / "measured").glob("gan-0000005-*.json")
    others = {**json.loads(measured.read_text()), "metrics": None}
    for name, text in {
        "results/offline.json": "{broken",
        "samples/captions.json": '{"caption": 1}',
        "measured/gan-0000005-a.json": "[]",
        "measured/gan-0000005-b.json": json.dumps(others),
    }.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text)
    assert run(["export", "hub", str(copy), "-o", str(tmp_path / "out")]) == 0
    assert "the card lacks damaged results" in capsys.readouterr().err
    text = (tmp_path / "out" / CARD).read_text()
    assert yaml.safe_load(text.split("---\n")[1])["title"] == copy.name
    assert "12 captions of the test split" in text


def test_a_folder_with_files_is_not_touched(trained: Path, exported: Path) -> None:
    before = (exported / CARD).read_text()
    for command in ("hub", "safetensors", "torch"):
        assert run(["export", command, str(trained), "-o", str(exported)]) == 1
    assert (exported / CARD).read_text() == before


def test_a_damaged_folder_is_refused(exported: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(exported, damaged)
    with (damaged / "text.safetensors").open("ab") as file:
        file.write(b"0")
    with pytest.raises(RunError, match=r"text\.safetensors is damaged"):
        attnforge.load(damaged)
    (damaged / "text.safetensors").unlink()
    with pytest.raises(RunError, match=r"text\.safetensors is missing"):
        attnforge.load(damaged)
    (damaged / MANIFEST).write_text("{}")
    with pytest.raises(RunError, match="no digest"):
        attnforge.load(damaged)


def test_a_manifest_names_no_file_elsewhere(exported: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "folder" / "hostile"
    shutil.copytree(exported, hostile)
    shutil.copy(hostile / "tokenizer.json", tmp_path / "folder" / "outside.json")
    manifest = read_manifest(hostile)
    digests = {**manifest.sha256, "../outside.json": manifest.sha256["tokenizer.json"]}
    from dataclasses import replace

    (hostile / MANIFEST).write_text(replace(manifest, sha256=digests).text())
    assert "../outside.json" in json.loads((hostile / MANIFEST).read_text())["sha256"]
    with pytest.raises(AttnforgeError, match="not the name of a file"):
        read_alone(hostile)
    assert run(["import", "hub", str(hostile), "-o", str(tmp_path / "made" / "run")]) == 1
    assert not (tmp_path / "made").exists()
