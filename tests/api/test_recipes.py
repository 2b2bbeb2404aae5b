"""Recipes as Python writes them, and training and evaluating by name."""

from __future__ import annotations

import inspect
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.stages import RefineStage
from tiny_run import TINY

import attnforge
from attnforge.api.training import train
from attnforge.errors import AttnforgeError
from attnforge.recipe import resolve


def refused(call: Any) -> str:
    with pytest.raises(AttnforgeError) as caught:
        call()
    assert caught.value._render_traceback_() == [str(caught.value)]
    return str(caught.value)


def test_a_dictionary_is_a_recipe() -> None:
    written = {"extends": "quickstart", "training": {"seed": 7}}
    named = resolve("quickstart", overrides=["training.seed=7"])
    assert attnforge.recipe(written).digest == named.digest
    assert attnforge.recipe("quickstart", overrides={"training.seed": 7}).digest == named.digest
    assert attnforge.recipe(named) is named
    assert attnforge.recipe(named, overrides={"training.seed": 8}).get("training.seed") == 8


def test_components_are_classes_with_options() -> None:
    refine = partial(RefineStage, attention="word", residual_blocks=1)
    written = attnforge.recipe(
        {
            "extends": "quickstart",
            "generator": partial(MultiStageGenerator, channels=24, stages=["initial", refine]),
        }
    )
    stages = "[initial, {use: refine, attention: word, residual_blocks: 1}]"
    named = resolve(
        "quickstart", overrides=[f"generator={{use: multi-stage, channels: 24, stages: {stages}}}"]
    )
    assert written.digest == named.digest


def test_texts_keep_their_characters() -> None:
    captions = ["a red bird: yes", "it's {blue}", "no", "1e5", "# green", "white\u2028bird", ""]
    written = attnforge.recipe("quickstart", overrides={"samples.captions": captions})
    assert written.get("samples.captions") == captions
    assert (
        attnforge.recipe({"extends": "quickstart", "samples": {"captions": captions}}).get("samples.captions")
        == captions
    )


def test_errors_point_into_what_python_wrote() -> None:
    text = refused(lambda: attnforge.recipe({"extends": "quickstart", "generator": {"chanels": 3}}))
    assert "at recipe:2:13" in text
    assert "generator: {chanels: 3}" in text
    text = refused(lambda: attnforge.recipe("quickstart", overrides={"training.seed": 1, "training.sed": 3}))
    assert "at overrides:2:10" in text
    assert "`seed`" in text
    assert "`a b` is not a key" in refused(lambda: attnforge.recipe("quickstart", overrides={"a b": 1}))
    text = refused(
        lambda: attnforge.recipe({"extends": "quickstart", "text": partial(dict), "image": object()})
    )
    assert text.count("error[not-in-a-recipe]") == 2


def test_packages_are_called_as_functions() -> None:
    import attnforge.train.loop

    assert inspect.isfunction(attnforge.train.loop.run_phase)
    assert inspect.signature(attnforge.train) == inspect.signature(train)
    assert set(dir(attnforge)) == {
        "__version__", "compare", "component", "evaluate", "load", "recipe", "train"
    }  # fmt: skip


@pytest.mark.long
def test_runs_are_resumed_and_evaluated_as_by_commands(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    measurement = attnforge.evaluate(run, overrides={"evaluation.captions": 4}, quiet=True)
    assert measurement.metrics["captions"] == 4
    assert "training.seed" in refused(lambda: attnforge.evaluate(run, overrides={"training.seed": 3}))
    assert "run-exists" in refused(lambda: attnforge.train("quickstart", overrides=TINY, out=run, quiet=True))
    outcome = attnforge.train(
        run, resume=True, overrides={"phases.gan.steps": 6}, allow_changes=True, quiet=True
    )
    assert outcome.finished
    assert (run / "checkpoints" / "gan-0000006").is_dir()
