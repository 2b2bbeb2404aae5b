"""Every recipe that ships trains, draws and measures: two steps a phase at small width."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from small_widths import FIRST_IMAGE, small

from attnforge.errors import AttnforgeError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.library import library
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter

CONTINUING = {"denoiser-cub", "denoiser-sketch-birds", "stackgan-cub-second"}
"""Recipes that continue a run of another; the tests of their plugins train both."""
ALIKE = {
    *("attngan-modern-coco", "attngan-plus-coco", "attngan-plus-sketch-birds", "attngan1-sketch-birds"),
    *("attngan1-cub-no-damsm", "attngan1-coco", "attngan-r3-cub", "df-gan-coco", "gan-int-cls-coco"),
    *("stackgan-coco", "gawwn-box-cub", "gawwn-keypoints-cub", "attngan1-cub", "damsm-coco"),
    *("stackgan-cub-first", "df-gan-sketch-birds", "rat-gan-sketch-birds", "ssa-gan-sketch-birds"),
}
"""Recipes that differ from others of the ordinary tests in a few numbers, or in data that others have, only.

That they can be resolved, and their networks and tasks be built, is an ordinary test all the same.
"""
RECIPES = sorted({recipe.name for recipe in library(load_plugins())} - CONTINUING)
SHARED = Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def trained(name: str, run: Path, overrides: list[str]) -> list[dict[str, Any]]:
    """Train a recipe to its end and give what it logged."""
    resolved = resolve(name, overrides=overrides)
    assert train(resolved, run, resume=False, reporter=ConsoleReporter()).finished
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if "lambda" in name or name in ALIKE else [])
        for name in RECIPES
    ],
)
def test_a_recipe_trains_two_steps_of_every_phase(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    rows = trained(name, run, small(name, tmp_path))
    recipe = resolve(run / "recipe.lock.yaml").data()
    assert [(row["phase"], row["step"]) for row in rows] == [
        (phase, step) for phase in recipe["phases"] for step in (1, 2)
    ]
    assert all(math.isfinite(value) for row in rows for value in row.values() if isinstance(value, float))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == sorted(
        f"{phase}-0000002" for phase in recipe["phases"]
    )
    if recipe["generator"] is None:
        assert not (run / "result.json").exists()
        return
    assert any(term.startswith("G damsm") for term in rows[-1]) == ("damsm" in recipe["losses"])
    stages = recipe["generator"].get("stages", [])  # a generator without them has one image and no attention
    first = FIRST_IMAGE.get(recipe["generator"]["use"].partition("@")[0], 16)
    sizes = [first << stage for stage in range(max(1, len(stages)))]
    drawn = sizes if recipe["generator"].get("images") == "every-stage" else sizes[-1:]
    assert [key for key in rows[-1] if key.startswith("D adversarial")] == [
        f"D adversarial {one}" for one in drawn
    ]
    if "retrieval" in recipe["evaluation"]["metrics"]:
        result = json.loads((run / "result.json").read_text())
        assert result["R-precision withheld"]  # two images make no share
        assert "R-precision" not in result
    caption = "image" if recipe["data"]["use"].startswith("images") else "a bird"
    pipeline = Pipeline.load(run)
    extras = {"box": [0.1, 0.2, 0.5, 0.6]} if "box" in pipeline.parts.extras else {}
    (drawing,) = pipeline.generate([caption], attention=True, extras=extras)
    assert [image.shape for image in drawing.images] == [(one, one, 3) for one in drawn]
    attending = [size for size, stage in zip(sizes, stages[1:], strict=False) if "attention" in stage]
    assert [maps.shape[1] for maps in drawing.attention] == attending


@pytest.mark.parametrize(
    ("name", "data", "files"),
    [
        ("attngan2-cub", "emoji_cub_layout_tiny", ""),
        (
            "attngan2-coco",
            "coco_open",
            "data={train: annotations/captions_open.json, test: annotations/captions_open.json}",
        ),
    ],
)
def test_a_recipe_trains_on_images_as_released(name: str, data: str, files: str, tmp_path: Path) -> None:
    if not (SHARED / data).is_dir():
        pytest.skip(f"{data} is not in ATTNFORGE_DATA or ../shared/data")
    overrides = [*small(name, tmp_path), f"data.root={SHARED / data}", *filter(None, [files])]
    rows = trained(name, tmp_path / "run", overrides)
    assert [row["phase"] for row in rows] == ["damsm", "damsm", "gan", "gan"]


def test_encoders_that_were_trained_once_serve_another_recipe(tmp_path: Path) -> None:
    trained("damsm-cub", tmp_path / "encoders", small("damsm-cub", tmp_path))
    with pytest.raises(AttnforgeError) as error:
        Pipeline.load(tmp_path / "encoders")
    (problem,) = error.value.problems
    assert problem.next_step == f"attnforge train RECIPE pretrained.encoders={tmp_path / 'encoders'}"
    overrides = [*small("attngan1-cub-lambda-10", tmp_path), f"pretrained.encoders={tmp_path / 'encoders'}"]
    rows = trained("attngan1-cub-lambda-10", tmp_path / "run", overrides)
    assert [row["phase"] for row in rows] == ["gan", "gan"]
