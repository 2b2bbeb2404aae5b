"""Recipes with R3GAN's parts are valid, train, are resumed and generate."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import pytest
from tiny_run import TINY

from attnforge.errors import AttnforgeError
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter

README = Path(__file__).parents[3] / "plugins" / "r3gan" / "README.md"
SIZES = (16, 32)
SHORT = (
    "losses.penalty.weight=[0.05, 0.2]",
    "phases.gan.steps=4",
    "phases.gan.sample_every=0",
    "phases.gan.log_every=4",
    "evaluation.metrics={}",
)
NETWORKS = (
    "generator={use: r3gan, channels: [8, 8, 8, 4], group_channels: 4, blocks: 1, noise: 4}",
    "discriminator={use: r3gan, channels: [8, 8, 8, 4], group_channels: 4, blocks: 1}",
    "losses.penalty.weight=1",
)


def last_scalars(run: Path) -> dict[str, float]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    scalars: dict[str, float] = json.loads(lines[-1])
    return scalars


def test_the_small_recipe_trains_and_logs_its_penalties(tmp_path: Path) -> None:
    recipe = resolve("r3-sketch-birds", overrides=[*TINY, *SHORT])
    assert train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    names = last_scalars(tmp_path / "run").keys()
    terms = ("D adversarial", "D mismatched", "D R1", "D R2", "G adversarial")
    assert names >= {f"{term} {size}" for term in terms for size in SIZES}


def test_the_networks_train_and_generate(tmp_path: Path) -> None:
    of_stages = ("generator", "discriminator", "losses.packed")  # these networks have one image
    tiny = [override for override in TINY if not override.startswith(of_stages)]
    recipe = resolve("r3-sketch-birds", overrides=[*tiny, *SHORT, *NETWORKS])
    assert train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    assert train(recipe, tmp_path / "run", resume=True, reporter=ConsoleReporter()).finished
    (image,) = Pipeline.load(tmp_path / "run").generate(["a red bird with blue wings"])
    assert image.image.size == (32, 32)


@pytest.mark.long
def test_parts_with_a_state_train_together_in_bfloat16_and_are_resumed_exactly(tmp_path: Path) -> None:
    overrides = [
        "discriminator={use: adaptive-augment, of: {use: projection, channels: 4}, images: 8, every: 1}",
        "losses.penalty.method=finite-difference",
        "losses.penalty.weight=[{schedule: cosine, from: 1, to: 0.1}, {schedule: linear, from: 5, to: 1}]",
        "training.precision=bf16",
        "phases.gan.images_per_caption=2",
        "losses.deviation=minibatch-deviation",
        "losses.drifting={use: drifting, captions: 1}",
        "losses.frechet={use: frechet, decay: 0.5}",
    ]
    tiny = [override for override in TINY if not override.startswith("discriminator")]
    recipe = resolve("r3-sketch-birds", overrides=[*tiny, *SHORT, *overrides])
    assert train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    logged = last_scalars(tmp_path / "run")
    assert all(math.isfinite(value) for value in logged.values() if isinstance(value, float))
    names = {
        "G drifting",
        "G frechet",
        *(f"augmentation {size}" for size in SIZES),
        "D deviation 16",
        "D R2 32",
    }
    assert names <= logged.keys()
    shutil.rmtree(tmp_path / "run/checkpoints/gan-0000004")
    assert train(recipe, tmp_path / "run", resume=True, reporter=ConsoleReporter()).finished
    again = last_scalars(tmp_path / "run")
    terms = [name for name in logged if name.startswith(("D ", "G ", "augmentation"))]
    assert {name: again[name] for name in terms} == {name: logged[name] for name in terms}


def test_batch_normalisation_is_refused_before_the_first_phase(tmp_path: Path) -> None:
    recipe = resolve("r3-sketch-birds", overrides=[*TINY, *SHORT, "discriminator.norm=batch"])
    with pytest.raises(AttnforgeError) as raised:
        train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    (problem,) = raised.value.problems
    assert problem.code == "batch-statistics"
    assert problem.place is not None
    assert not (tmp_path / "run").exists()


def test_the_recipes_of_the_readme_are_valid(tmp_path: Path) -> None:
    recipes = re.findall(r"```yaml\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(recipes) == 2
    for recipe in recipes:
        (tmp_path / "recipe.yaml").write_text(recipe)
        assert resolve(tmp_path / "recipe.yaml").plain()["losses"]
