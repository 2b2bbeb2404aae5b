"""Recipes with these tokenizers and encoders train, are restored from their run, and generate."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tiny_run import TINY

from attnforge.errors import AttnforgeError
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter

CAPTION = "a red bird with blue wings"
PIECES = "tokenizer={use: sentencepiece, vocabulary_size: 60}"
TRANSFORMER = "text={use: transformer, dim: 16, layers: 1, heads: 2}"
CHAR_CNN_RNN = "text={use: char-cnn-rnn, dim: 16, channels: [8, 8, 8]}"
SHORT = (
    "phases.damsm={task: damsm, steps: 2, batch_size: 4, max_words: 201}",
    "phases.gan.steps=2",
    "phases.gan.sample_every=0",
    "phases.gan.max_words=201",
    "evaluation.metrics={}",
)


PLUGINS = Path(__file__).parents[3] / "plugins"


@pytest.mark.parametrize(
    ("tokenizer", "text"),
    [
        (PIECES, TRANSFORMER),
        ("tokenizer=character", CHAR_CNN_RNN),
        pytest.param("tokenizer=character", TRANSFORMER, marks=pytest.mark.long),
        pytest.param(PIECES, CHAR_CNN_RNN, marks=pytest.mark.long),
    ],
)
def test_a_recipe_trains_and_generates(tokenizer: str, text: str, tmp_path: Path) -> None:
    small = [one for one in TINY if not one.startswith("text.")]
    recipe = resolve("quickstart", overrides=[*small, *SHORT, tokenizer, text])
    assert train(recipe, tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    assert train(recipe, tmp_path / "run", resume=True, reporter=ConsoleReporter()).finished
    pipeline = Pipeline.load(tmp_path / "run")
    (image,) = pipeline.generate([CAPTION], attention=True)
    assert "".join(image.words).replace("\u2581", " ").strip() == CAPTION
    (maps,) = image.attention
    assert len(maps) == len(image.words)
    np.testing.assert_allclose(maps.sum(axis=0), 1, atol=1e-5)
    with pytest.raises(AttnforgeError) as raised:
        pipeline.generate(["жук"])
    assert raised.value.problems[0].code == "caption-unknown"


def test_the_recipes_of_the_readmes_are_valid(tmp_path: Path) -> None:
    pages = [(PLUGINS / name / "README.md").read_text() for name in ("encoders", "reed")]
    recipes = re.findall(r"```yaml\n(.*?)```", "".join(pages), flags=re.DOTALL)
    assert len(recipes) == 2
    for recipe in recipes:
        (tmp_path / "recipe.yaml").write_text(recipe)
        assert resolve(tmp_path / "recipe.yaml").plain()["text"]
