"""Values with which nothing can train: `validate` refuses each, with the place and in one problem or two."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attnforge.cli import run
from attnforge.errors import RecipeError
from attnforge.recipe import resolve
from attnforge.run.trial.shapes import check_shapes

OUT_OF_RANGE = (
    "phases.gan.task.betas=[5, 5]",
    "phases.gan.task.betas=[-0.1, 0.9]",
    "phases.damsm.task.betas=[0.5, 1.0]",
    "phases.gan.task.generator_learning_rate=-1",
    "phases.gan.task.generator_learning_rate=.nan",
    "phases.gan.task.discriminator_learning_rate=.inf",
    "phases.gan.task.discriminator_learning_rate=1e10",
    "phases.damsm.task.learning_rate=0",
    "phases.damsm.task.gradient_norm=-1",
    "phases.damsm.task.gamma1=0",
    "phases.damsm.task.gamma3=.inf",
    "phases.gan.task.schedule.decay_from=1.5",
    "phases.gan.task.schedule.decay_to=-1",
    "phases.gan.task.average.decay=1",
    "phases.gan.task.average.half_life=0",
    "phases.gan.task.average.ramp_up=-0.1",
    "phases.gan.task.discriminator_steps=0",
    "losses.damsm.weight=.inf",
    "losses.damsm.weight=-1",
    "losses.adversarial.weight=.nan",
    "generator.channels=10000000",
    "generator.noise=10000000",
    "generator.base_size=1000000",
    "discriminator.channels=0",
    "text.dim=10000000",
    "text.dropout=1.0",
    "phases.damsm.image_size=3",
    "phases.damsm.image_size=100000",
    "phases.gan.batch_size=0",
    "phases.gan.batch_size=10000000",
    "phases.gan.max_words=1000000000",
    "phases.gan.steps=0",
    "training.device=meta",
    "training.device=gpu",
    "training.workers=100000",
    "training.threads=1000000",
    "training.seed=-1",
    "evaluation.batch_size=0",
    "evaluation.metrics.found={use: r-precision, candidates: 1}",
    "data.count=0",
)
CANNOT_TRAIN = {
    "generator.base_size=8": "image-size",
    "phases.gan.batch_size=1": "phase-cannot-train",
    "phases.damsm.batch_size=1;phases.damsm.task.swapped_captions=false": "batch-of-one",
    "generator.stages=[]": "no-stages",
    "generator.stages=[initial, initial, initial]": "stage-order",
    "image.model=nope": "unknown-model",
    "image.stage=9": "unknown-stage",
    "image.weights=nowhere.pth": "no-weights",
    "generator.channels=60000": "too-many-weights",
    "losses={adversarial: null, packed: null}": "no-terms",
    "losses={adversarial: null, damsm: null, packed: null}": "task-lacks-parts",
    "generator=null": "no-image-size",
    "discriminator=null": "task-lacks-parts",
    "discriminator={use: joint, unconditional: false};losses.adversarial.unconditional=true": (
        "no-unconditional-head"
    ),
    "image=null": "no-image-encoder",
    "image=null;phases.damsm=null": "no-image-encoder",
    "phases.gan.task.train=[stages.7]": "no-such-module",
}


@pytest.mark.parametrize("override", OUT_OF_RANGE)
def test_a_value_out_of_range_is_refused_where_it_stands(override: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve("quickstart", overrides=[override])
    for problem in caught.value.problems:
        assert problem.code == "bad-value"
        assert problem.place is not None
        assert problem.place.source == "command line"
        assert problem.expected


@pytest.mark.parametrize(("overrides", "code"), CANNOT_TRAIN.items())
def test_what_cannot_train_is_found_on_shapes_alone(overrides: str, code: str) -> None:
    (problem,) = check_shapes(resolve("quickstart", overrides=overrides.split(";"))).problems
    assert problem.code == code
    assert problem.expected
    assert problem.place is not None


def test_overrides_that_messages_recommend_are_accepted() -> None:
    root = Path(__file__).parents[2]
    sources = [*root.glob("attnforge/**/*.py"), *root.glob("plugins/*/attnforge_*/**/*.py")]
    written = re.compile(
        r"attnforge (?:train|validate) (?:RECIPE|--resume RUN) ([a-z_.]+=[a-z0-9_.]+)(?=[\s\"'`])"
    )
    recommended = {match for path in sources for match in written.findall(path.read_text(encoding="utf-8"))}
    assert {"pretrained=null", "training.workers=0"} <= recommended
    for override in recommended:
        resolve("quickstart", overrides=[override])


def test_the_command_says_it_and_makes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["validate", "quickstart", "phases.gan.batch_size=1"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "quickstart: 1 problem\n"
    assert "the first step of phase `gan` failed (stage `initial` at `generator.stages.0`)" in shown.err
    assert "Traceback" not in shown.err
    assert run(["train", "quickstart", "phases.gan.batch_size=1", "training.device=cpu"]) == 1
    shown = capsys.readouterr()
    assert "the first step of phase `gan` failed" in shown.err
    assert "Traceback" not in shown.err
    assert list(tmp_path.iterdir()) == []


def test_missing_weights_are_told_of_a_recipe_that_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "attngan2-cub"]) == 0
    told = capsys.readouterr().out
    assert "before it can train: `image.weights`: a file of weights" in told
