"""Generating images with a trained run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import attnforge
from attnforge.errors import AttnforgeError, RunError
from attnforge.recipe.seal import seal
from attnforge.sampling.pipeline import Pipeline

RED = "a red bird with blue wings"
GREEN = "the bird is green and has a yellow belly and a black crown"


@pytest.fixture(scope="module")
def pipeline(trained: Path) -> Pipeline:
    return Pipeline.load(trained)


def test_a_sample_has_every_stage_and_a_map_for_every_word(pipeline: Pipeline) -> None:
    (sample,) = pipeline.generate([RED], attention=True)
    assert [image.shape for image in sample.images] == [(16, 16, 3), (32, 32, 3)]
    assert sample.words == tuple(RED.split())
    (maps,) = sample.attention
    assert maps.shape == (6, 16, 16)
    np.testing.assert_allclose(maps.sum(axis=0), 1, atol=1e-5)


def test_a_sample_depends_on_its_caption_seed_and_index_alone(pipeline: Pipeline) -> None:
    together = pipeline.generate([GREEN, RED], count=2, seed=3)
    alone = pipeline.generate([RED], count=1, seed=3)
    np.testing.assert_array_equal(together[2].images[-1], alone[0].images[-1])
    assert not np.array_equal(together[2].images[-1], together[3].images[-1])
    other = pipeline.generate([RED], count=1, seed=4)
    assert not np.array_equal(other[0].images[-1], alone[0].images[-1])


def test_unknown_words_are_ignored_and_named(pipeline: Pipeline) -> None:
    assert pipeline.unknown_words([f"quixotic {RED}"]) == ["quixotic"]
    plain, strange = pipeline.generate([RED, f"quixotic {RED}"])
    np.testing.assert_array_equal(plain.images[-1], strange.images[-1])


def test_a_caption_without_any_known_word_is_an_error(pipeline: Pipeline) -> None:
    with pytest.raises(AttnforgeError) as error:
        pipeline.generate(["quixotic zephyr", ""])
    assert [problem.code for problem in error.value.problems] == ["caption-unknown"] * 2


@pytest.mark.parametrize(
    ("name", "code"), [("nowhere", "no-such-run"), ("empty", "not-a-run"), ("young", "no-generator-yet")]
)
def test_what_is_no_trained_run_is_said(trained: Path, tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "young").mkdir()
    (tmp_path / "young/recipe.lock.yaml").write_text((trained / "recipe.lock.yaml").read_text())
    with pytest.raises(AttnforgeError) as error:
        Pipeline.load(tmp_path / name)
    assert [problem.code for problem in error.value.problems] == [code]


def test_a_run_of_encoders_alone_is_not_told_to_resume(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    for folder in (tmp_path / "run/checkpoints").glob("gan-*"):
        shutil.rmtree(folder)
    lock = tmp_path / "run/recipe.lock.yaml"
    steps = []
    for text in (lock.read_text(), re.sub(r"\n  gan:\n(    .*\n)+", "\n", lock.read_text())):
        lock.write_text(seal(text.rpartition("# ")[0]))
        with pytest.raises(AttnforgeError) as error:
            Pipeline.load(tmp_path / "run")
        steps.append(str(error.value.problems[0].next_step))
    run = tmp_path / "run"
    assert steps == [f"attnforge train --resume {run}", f"attnforge train RECIPE pretrained.encoders={run}"]


def test_a_loaded_run_is_called_with_a_caption_or_several(trained: Path, tmp_path: Path) -> None:
    model = attnforge.load(str(trained), device="cpu")
    state = torch.random.get_rng_state()
    images = model(RED, n=3, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [(image.caption, image.seed, image.index) for image in images] == [(RED, 2, n) for n in range(3)]
    several = model([GREEN, RED], n=1, seed=2)
    assert [image.caption for image in several] == [GREEN, RED]
    np.testing.assert_array_equal(several[1].images[-1], images[0].images[-1])
    images[0].save(tmp_path / "bird.png")
    with Image.open(tmp_path / "bird.png") as saved:
        np.testing.assert_array_equal(np.asarray(saved), images[0].images[-1])


def test_a_run_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        attnforge.load(tmp_path / "nowhere")
