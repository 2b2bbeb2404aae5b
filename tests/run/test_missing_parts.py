"""A run is used on a machine that lacks packages which only training and measuring need."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import attnforge
from attnforge.cli import run as command
from attnforge.errors import RecipeError
from attnforge.evaluate.evaluating import evaluate_run
from attnforge.play.runs import PlayedRuns
from attnforge.plugin import load_plugins
from attnforge.recipe.needed import GENERATING, resolve_needed
from attnforge.recipe.skipped import SkippedPartError
from attnforge.run.opening import open_run
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.checkpoints.manifest import MANIFEST, read_manifest
from attnforge.storage.folder import RunFolder
from attnforge.train.progress import ConsoleReporter

RED = "a red bird with blue wings"
OTHER_PARTS = {
    "evaluation.metrics.retrieval": "metric",
    "data": "dataset",
    "image": "image-encoder",
    "discriminator": "discriminator",
    "losses.damsm": "loss",
    "phases.gan.task": "task",
}
Lacking = Callable[..., Path]


@pytest.fixture
def lacking(trained: Path, tmp_path: Path) -> Lacking:
    """Copies the trained run as if components of it came from the package attnforge-gone, version 2."""

    def make(*paths: str, kind: str = "metric", package: str | None = "attnforge-gone") -> Path:
        run = tmp_path / "run"
        shutil.copytree(trained, run)
        recipe = yaml.safe_load((run / "recipe.lock.yaml").read_text())
        for path in paths:
            *above, name = path.split(".")
            node: Any = recipe
            for step in above:
                node = node[step]
            kept = node[name] if isinstance(node[name], dict) else {}
            node[name] = {**kept, "use": "gone@1"}
        if package is not None:
            recipe.setdefault("requires", []).append(f"{package}>=2")
        if package is not None and kind:
            recipe["lock"]["components"][f"{kind}/gone"] = {
                "version": 1, "plugin": "gone", "distribution": package, "distribution_version": "2.0",
            }  # fmt: skip
        write_lock(run, recipe)
        return run

    return make


def write_lock(run: Path, recipe: Any) -> None:
    """Write the frozen recipe of a run and the copies in its checkpoints."""
    folder = RunFolder(run)
    folder.write_recipe(recipe="", lock=yaml.safe_dump(recipe, sort_keys=False))
    digest = sha256(folder.lock.read_bytes()).hexdigest()
    for checkpoint in folder.checkpoints.iterdir():
        manifest = read_manifest(checkpoint)
        shutil.copyfile(folder.lock, checkpoint / folder.lock.name)
        changed = replace(manifest, sha256={**manifest.sha256, folder.lock.name: digest})
        (checkpoint / MANIFEST).write_text(changed.text())


@pytest.mark.parametrize("path", OTHER_PARTS)
def test_generating_does_not_need_other_parts(lacking: Lacking, path: str) -> None:
    run, notes = lacking(path, kind=OTHER_PARTS[path]), list[str]()
    resolved = resolve_needed(run / "recipe.lock.yaml", needed=GENERATING, warn=notes.append)
    assert [part.path for part in resolved.skipped] == [path]
    (note,) = notes
    assert note == (
        f"skipping `{path}`, not needed here: the recipe requires the package attnforge-gone, "
        "which is not installed"
    )


def test_images_are_the_same_without_other_parts(
    lacking: Lacking, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, notes = lacking(*OTHER_PARTS, kind="metric"), list[str]()
    (whole,) = Pipeline.load(trained, device="cpu").generate([RED])
    assert command(["sample", str(run), RED, "--count", "1", "--out", str(tmp_path / "out")]) == 0
    assert "warning: skipping `data`, `image`, `discriminator`" in capsys.readouterr().err
    with Image.open(tmp_path / "out/a-red-bird-with-blue-wings-seed1-0.png") as image:
        np.testing.assert_array_equal(np.asarray(image), whole.images[-1])
    page = PlayedRuns.load([run], device="cpu", warn=notes.append)
    assert [note.partition(" ")[0] for note in notes] == ["skipping", "images"]
    pipeline = page.pipeline(0, page.runs[0].checkpoints[0])
    assert pipeline.generate([RED])
    assert len(notes) == 2, "not again for another checkpoint"
    with pytest.raises(SkippedPartError, match="attnforge-gone"):
        pipeline.parts.dataset("test")
    with pytest.raises(SkippedPartError, match="attnforge-gone"):
        pipeline.parts.task("gan", pipeline.recipe.phases["gan"].task)


def test_without_the_image_encoder_images_have_no_regions(lacking: Lacking) -> None:
    notes = list[str]()
    pipeline = Pipeline.load(lacking("image", kind="image-encoder"), device="cpu", warn=notes.append)
    (image,) = pipeline.generate([RED], attention=True)
    assert (len(image.attention), image.regions) == (1, None)
    assert notes[1].startswith("images have no maps of words over their regions: the recipe requires")


@pytest.mark.long
@pytest.mark.parametrize("paths", [["evaluation.metrics.retrieval"], list(OTHER_PARTS)], ids=len)
def test_reports_and_exports_do_not_need_other_parts(
    lacking: Lacking, trained: Path, paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, hub, made = str(lacking(*paths)), str(tmp_path / "hub"), str(tmp_path / "made")
    commands = (
        ("report", run),
        ("export", "hub", run, "-o", hub),
        ("export", "safetensors", run, "-o", f"{hub}-weights"),
        ("import", "hub", hub, "-o", made),
        ("report", made),
    )
    for words in commands:
        assert command(list(words)) == 0, words
        shown = capsys.readouterr().err
        assert "not needed here: the recipe requires the package attnforge-gone" in shown, words
    expected = attnforge.load(trained, device="cpu")(RED).arrays
    for folder in (hub, f"{hub}-weights", made):
        np.testing.assert_array_equal(attnforge.load(folder, device="cpu")(RED).arrays, expected)


def test_measuring_and_resuming_need_all_parts(lacking: Lacking) -> None:
    run = lacking("evaluation.metrics.retrieval")
    with pytest.raises(RecipeError) as measured:
        evaluate_run(run, reporter=ConsoleReporter())
    with pytest.raises(RecipeError) as resumed:
        open_run(run, out=None, overrides=(), plugins=load_plugins(), warn=print)
    for error in (measured, resumed):
        (problem,) = error.value.problems
        assert problem.code == "missing-requirement"
        assert problem.next_step == 'pip install "attnforge-gone>=2"'


@pytest.mark.parametrize(("path", "kind"), [("generator", "generator"), ("text", "text-encoder")])
def test_what_generating_needs_is_required(lacking: Lacking, path: str, kind: str) -> None:
    with pytest.raises(RecipeError) as error:
        attnforge.load(lacking(path, kind=kind))
    assert [problem.code for problem in error.value.problems] == ["missing-requirement"]


def test_a_plugin_without_a_package_is_skipped_too(lacking: Lacking) -> None:
    run, notes = lacking("evaluation.metrics.retrieval", package=None), list[str]()
    recipe = yaml.safe_load((run / "recipe.lock.yaml").read_text())
    recipe["trackers"] = {"wall": "gone"}
    RunFolder(run).write_recipe(recipe="", lock=yaml.safe_dump(recipe, sort_keys=False))
    resolve_needed(run / "recipe.lock.yaml", needed=GENERATING, warn=notes.append)
    assert notes == [
        "skipping `evaluation.metrics.retrieval`, not needed here: no metric is called `gone`",
        "skipping `trackers.wall`, not needed here: no tracker is called `gone`",
    ]


def test_a_newer_component_and_other_packages_are_noted(lacking: Lacking) -> None:
    run, notes = lacking(kind=""), list[str]()
    text = (run / "recipe.lock.yaml").read_text().replace("r-precision@1", "r-precision@7")
    RunFolder(run).write_recipe(recipe="", lock=text)
    resolved = resolve_needed(run / "recipe.lock.yaml", needed=GENERATING, warn=notes.append)
    assert [part.path for part in resolved.skipped] == ["evaluation.metrics.retrieval"]
    assert "needs version 7" in notes[0]
    assert notes[1] == "the recipe requires the package attnforge-gone, which is not installed"
    assert resolved.digest == yaml.safe_load(text)["lock"]["digest"]
