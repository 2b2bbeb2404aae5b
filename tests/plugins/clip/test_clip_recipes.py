"""CLIP in recipes: the shipped one trains and samples, and a foreign tokenizer is refused at its line."""

from __future__ import annotations

import json
from pathlib import Path

import attnforge_clip.plugin as clip_plugin
import pytest
import torch
from safetensors.torch import load_file
from tiny_clip import PROJECTED
from tiny_run import TINY

from attnforge.errors import RecipeError
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.checkpoints.search import newest_checkpoint
from attnforge.train.progress import ConsoleReporter

NOT_OURS = ("text.", "image.", "phases.damsm")
SHORT = (
    *(one for one in TINY if not one.startswith(NOT_OURS)),
    "phases.gan.steps=2",
    "evaluation.captions=10",
    "evaluation.metrics={attributes: null}",
)


@pytest.fixture(scope="module")
def plugins() -> PluginCatalogue:
    return load_plugins(extra=[("clip", clip_plugin)])


def located(clip: Path) -> list[str]:
    return [f"{part}.weights={clip}" for part in ("tokenizer", "text", "image")]


def test_the_shipped_recipe_trains_generates_and_measures(
    clip: Path, plugins: PluginCatalogue, tmp_path: Path
) -> None:
    recipe = resolve("quickstart-clip", overrides=[*SHORT, *located(clip)], plugins=plugins)
    assert list(recipe.data()["phases"]) == ["gan"]
    outcome = train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert outcome.finished
    assert 0 <= outcome.metrics["R-precision"] <= 1
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert all(row["G damsm"] > 0 for row in rows)
    again = resolve(outcome.run.lock, plugins=plugins)
    pipeline = Pipeline.load(outcome.run.path, device="cpu", resolved=again)
    [drawing] = pipeline.generate(["a red bird"], seed=1, attention=True)
    assert drawing.images[-1].shape[-1] == 3


def test_frozen_clips_are_unchanged_in_checkpoints(
    clip: Path, plugins: PluginCatalogue, tmp_path: Path
) -> None:
    recipe = resolve("quickstart-clip", overrides=[*SHORT, *located(clip)], plugins=plugins)
    run = train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).run
    checkpoint = newest_checkpoint(run.checkpoints, phases=["gan"]).checkpoint
    assert checkpoint is not None
    stored = load_file(clip / "model.safetensors")
    for name in ("text", "image"):
        kept = load_file(checkpoint.folder / f"{name}.safetensors")
        assert kept
        assert all(torch.equal(stored[key.removeprefix("network.")], value) for key, value in kept.items())


def test_a_matching_phase_brings_clip_to_another_text_encoder(
    clip: Path, plugins: PluginCatalogue, tmp_path: Path
) -> None:
    overrides = [*TINY, f"image={{use: clip, weights: {clip}}}"]
    kept = [one for one in overrides if not one.startswith(("image.model", "phases.gan"))]
    recipe = resolve(
        "quickstart", overrides=[*kept, "phases.gan=null", "evaluation.metrics={}"], plugins=plugins
    )
    assert recipe.data()["text"]["dim"] != PROJECTED
    run = train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).run
    first, last = (load_file(run.checkpoints / f"damsm-{step:07d}" / "image.safetensors") for step in (2, 3))
    changed = {name for name in first if not torch.equal(first[name], last[name])}
    assert changed == {f"{part}_width.{what}" for part in ("region", "image") for what in ("weight", "bias")}


def test_the_ids_of_another_tokenizer_are_refused_at_its_line(
    clip: Path, plugins: PluginCatalogue, tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        f"extends: quickstart\ntext: {{use: clip, weights: {clip}}}\ntokenizer: {{use: word, min_count: 2}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        resolve(recipe, plugins=plugins)
    [problem] = caught.value.problems
    assert problem.code == "clip-tokenizer"
    assert problem.place is not None
    assert problem.place.line == 3
    assert str(clip) in str(problem.expected)


def test_weights_must_be_named(plugins: PluginCatalogue) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve("quickstart", overrides=["image=clip"], plugins=plugins)
    assert [problem.code for problem in caught.value.problems] == ["missing-value"]
