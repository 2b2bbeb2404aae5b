"""Runs go on when the components that they were trained with have risen in version."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import aged_now
import aged_then
import pytest
import yaml
from tiny_run import TINY

from attnforge.errors import RecipeError, RunError
from attnforge.plugin import PluginCatalogue, Registry, load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter

STAGES = "[initial, {{use: refine, attention: {attention}, residual_blocks: 1}}]"
SMALL = (
    *(value for value in TINY if not value.startswith(("generator.stages", "phases.gan.steps"))),
    "tokenizer={use: aged-words}",
    "phases.damsm.steps=1",
    "phases.gan.sample_every=0",
    "evaluation.metrics={}",
)
CAPTIONS = ["a red bird", "a small bird with a blue head"]


def plugins(module: ModuleType) -> PluginCatalogue:
    return load_plugins(extra=[("aged", module)])


def without_migrations() -> PluginCatalogue:
    now = plugins(aged_now)
    owner = now.plugins[-1]
    parts = [replace(part, migrations=None) for part in owner.components]
    others = [part for part in now.registry if part not in owner.components]
    catalogue = (*now.plugins[:-1], replace(owner, components=tuple(parts)))
    return replace(now, plugins=catalogue, registry=Registry([*others, *parts]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained with the aged parts; not to be changed."""
    path = tmp_path_factory.mktemp("aged") / "run"
    attention = STAGES.format(attention="{use: aged, temperature: 0.5}")
    laid = [*SMALL, f"generator.stages={attention}", "phases.gan.steps=2"]
    recipe = resolve("quickstart", overrides=laid, plugins=plugins(aged_then))
    assert train(recipe, path, resume=False, reporter=ConsoleReporter()).finished
    return path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def images(run: Path, module: ModuleType) -> list[bytes]:
    resolved = resolve(run / "recipe.lock.yaml", plugins=plugins(module))
    pipeline = Pipeline.load(run, device="cpu", resolved=resolved)
    return [sample.images[-1].tobytes() for sample in pipeline.generate(CAPTIONS)]


def attention_of(lock: Path) -> dict[str, object]:
    data = yaml.safe_load(lock.read_text())
    attention: dict[str, object] = data["generator"]["stages"][1]["attention"]
    return attention


def test_a_run_draws_the_same_images_with_the_newer_parts(trained: Path) -> None:
    assert attention_of(trained / "recipe.lock.yaml") == {"use": "aged@1", "temperature": 0.5}
    before = images(trained, aged_then)
    assert len(set(before)) == 2
    assert images(trained, aged_now) == before


def test_a_run_that_was_frozen_before_pins_draws_too(run: Path) -> None:
    before = images(run, aged_then)
    lock = run / "recipe.lock.yaml"
    lock.write_text(lock.read_text().replace("@1", ""))
    assert images(run, aged_now) == before


def test_a_run_goes_on_with_the_newer_parts(run: Path) -> None:
    resolved = resolve(run / "recipe.lock.yaml", overrides=["phases.gan.steps=3"], plugins=plugins(aged_now))
    assert train(resolved, run, resume=True, allow_changes=True, reporter=ConsoleReporter()).finished
    newest = run / "checkpoints" / "gan-0000003"
    for lock in (run / "recipe.lock.yaml", newest / "recipe.lock.yaml"):
        assert attention_of(lock) == {"use": "aged@3", "scale": 2.0, "rounds": 1}
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    (migrated,) = [event for event in events if event["event"] == "migrated"]
    assert migrated["optimizers"] == ["generator"]
    images(run, aged_now)


def test_going_on_again_migrates_nothing(run: Path) -> None:
    for steps in (3, 4):
        resolved = resolve(
            run / "recipe.lock.yaml", overrides=[f"phases.gan.steps={steps}"], plugins=plugins(aged_now)
        )
        assert train(resolved, run, resume=True, allow_changes=True, reporter=ConsoleReporter()).finished
    events = [json.loads(line)["event"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert events.count("migrated") == 1
    assert events.count("resumed") == 2


def test_a_frozen_recipe_without_a_migration_is_refused(trained: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(trained / "recipe.lock.yaml", plugins=without_migrations())
    problems = caught.value.problems
    assert {problem.code for problem in problems} == {"no-migration"}
    assert ["attention" in one.message for one in problems] == [False, True]
    assert all(one.place is not None and one.place.line for one in problems)


def test_weights_without_a_migration_are_refused(run: Path) -> None:
    stages = STAGES.format(attention="{use: aged, scale: 2.0}")
    recipe = resolve(
        "quickstart",
        overrides=[*SMALL, f"generator.stages={stages}", "phases.gan.steps=3"],
        plugins=without_migrations(),
    )
    with pytest.raises(RunError) as caught:
        train(recipe, run, resume=True, allow_changes=True, reporter=ConsoleReporter())
    (problem,) = caught.value.problems
    assert problem.code == "no-migration"
    assert str(problem.place) == str(run / "checkpoints" / "gan-0000002")


def test_weights_of_a_newer_version_are_refused(run: Path) -> None:
    resolved = resolve(run / "recipe.lock.yaml", overrides=["phases.gan.steps=3"], plugins=plugins(aged_now))
    train(resolved, run, resume=True, allow_changes=True, reporter=ConsoleReporter())
    stages = STAGES.format(attention="{use: aged, temperature: 0.5}")
    older = resolve(
        "quickstart",
        overrides=[*SMALL, f"generator.stages={stages}", "phases.gan.steps=4"],
        plugins=plugins(aged_then),
    )
    with pytest.raises(RunError) as caught:
        Pipeline.load(run, device="cpu", resolved=older)
    assert caught.value.problems[0].code == "component-too-new"
    with pytest.raises(RecipeError) as refused:
        resolve(run / "recipe.lock.yaml", plugins=plugins(aged_then))
    assert {problem.code for problem in refused.value.problems} == {"component-too-new"}
