"""Training on random weights where pretrained ones are meant is refused, unless the recipe says so."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from attnforge_attngan.image_timm import TimmEncoder
from tiny_run import tiny, train_tiny

from attnforge.errors import RecipeError
from attnforge.recipe.weights import random_weights
from attnforge.sampling.pipeline import Pipeline

SHORT = (
    "evaluation.metrics={attributes: null, retrieval: null}",
    "phases.damsm={task: damsm, steps: 1, batch_size: 4}",
    "phases.gan.steps=1",
    "phases.gan.sample_every=0",
)


@pytest.fixture
def needy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the small image encoder of tests need a file of weights, as Inception does."""

    class Needy:
        pretrained: ClassVar[str] = "weights"

    monkeypatch.setattr(TimmEncoder, "pretrained", Needy.pretrained, raising=False)


def test_a_recipe_with_inception_says_where_the_file_is_missing(tmp_path: Path) -> None:
    from attnforge.recipe import resolve

    file = tmp_path / "mine.yaml"
    file.write_text("extends: attngan\nimage: inception-v3\n")
    (problem,) = random_weights(resolve(file))
    assert problem.code == "random-weights"
    assert problem.place is not None
    assert (Path(problem.place.source).name, problem.place.line) == ("mine.yaml", 2)
    assert problem.next_step == "attnforge train mine image.weights=FILE"
    for value in ("random", "inception.pth"):
        assert random_weights(resolve(file, overrides=[f"image.weights={value}"])) == []


@pytest.mark.usefixtures("needy")
def test_training_on_random_weights_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        train_tiny(tmp_path / "run", *SHORT)
    assert [problem.code for problem in error.value.problems] == ["random-weights"]
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("needy")
def test_runs_that_are_resumed_drawn_from_or_taken_from_need_no_file(trained: Path, tmp_path: Path) -> None:
    assert random_weights(tiny())
    assert train_tiny(tmp_path / "taken", *SHORT, f"pretrained.encoders={trained}").finished
    assert train_tiny(tmp_path / "taken", *SHORT, f"pretrained.encoders={trained}", resume=True).finished
    assert Pipeline.load(trained, device="cpu").generate(["a red bird"])
