"""`filter`, `precision` and `kernel` of DAMSM's loss and task: in numbers, in recipes and in a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from small_game import at, batch, gradients, play, spec
from tiny_run import tiny, train_tiny
from torch import Tensor

from attnforge.adversarial.task import AdversarialTask
from attnforge.errors import RecipeError
from attnforge.recipe import resolve

BOTH = ("losses.damsm", "phases.damsm.task")


def matching(**options: Any) -> tuple[dict[str, float], Tensor]:
    """The scalars of one step, and the gradient of the image encoder, which is not clipped."""
    task = MatchingTask(spec(), **options)
    scalars = play(task)
    return scalars, torch.cat([one.flatten() for one in gradients(task.networks()["image"])])


def adversarial(**options: Any) -> dict[str, float]:
    return play(AdversarialTask(spec(bce=BinaryCrossEntropyLoss(SPEC), damsm=DamsmLoss(SPEC, **options))))


def test_a_filter_skips_pairs_of_the_gradient_and_logs_the_share_that_is_kept() -> None:
    exact, gradient = matching()
    filtered, other = matching(filter=0.3)
    assert filtered.pop("pairs kept") in [pairs / 16 for pairs in range(4, 16)]
    assert filtered == exact
    assert 0 < (gradient - other).norm() < gradient.norm()


def test_nothing_is_skipped_or_logged_by_default() -> None:
    (exact, gradient), (same, other) = matching(), matching(filter=0.0, precision="auto", kernel="auto")
    assert exact == same
    assert torch.equal(gradient, other)
    assert "pairs kept" not in exact


def test_the_adversarial_task_logs_the_share_of_pairs_that_its_loss_kept() -> None:
    exact, filtered = adversarial(), adversarial(filter=0.3)
    assert filtered.pop("pairs kept") in [pairs / 16 for pairs in range(4, 16)]
    assert filtered == exact
    assert "pairs kept" not in exact


def test_scalars_of_two_losses_with_the_same_name_are_distinguished() -> None:
    task = AdversarialTask(
        spec(
            bce=BinaryCrossEntropyLoss(SPEC),
            one=DamsmLoss(SPEC, filter=0.3),
            two=DamsmLoss(SPEC, filter=1e-9),
        )
    )
    scalars = play(task)
    assert scalars["pairs kept"] < scalars["two: pairs kept"] == 1


def test_each_step_logs_its_own_share() -> None:
    """A number that is read only when it is logged must not be written to by later steps."""
    task = MatchingTask(spec(), filter=0.1, learning_rate=1e-2)
    shares = [task.step(batch(), progress=at(0))["pairs kept"] for _ in range(20)]
    assert len({float(share) for share in shares}) > 1
    assert len({share.data_ptr() for share in shares}) == len(shares)


@pytest.mark.parametrize("step_scalars", [lambda **options: matching(**options)[0], adversarial])
def test_the_precision_that_is_asked_for_is_computed_in(step_scalars: Any) -> None:
    rounded, plain = (step_scalars(precision=one, kernel="cpu") for one in ("bfloat16", "float32"))
    assert rounded != plain
    assert rounded == pytest.approx(plain, rel=2e-2, abs=2e-2)


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(
    ("setting", "code", "expected"),
    [
        ("filter=1", "bad-value", "less than 1"),
        ("filter=-0.1", "bad-value", "greater than or equal to 0"),
        ("filter=most", "bad-value", "number"),
        ("precision=float8", "bad-value", "float16"),
        ("kernel=refrence", "unknown-kernel", "`reference`"),
    ],
)
def test_unknown_options_are_rejected_with_their_place(
    path: str, setting: str, code: str, expected: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve("quickstart", overrides=[f"{path}.{setting}"])
    (problem,) = caught.value.problems
    assert problem.code in (code, "wrong-type")
    assert expected in str(problem.expected)
    assert problem.place is not None
    assert problem.place.column == len(f"{path}.{setting}".partition("=")[0]) + 2


def test_every_unknown_kernel_is_reported_with_its_line(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "extends: quickstart\n"
        "losses:\n"
        "  damsm: {use: damsm, kernel: cpus}\n"
        "generator:\n"
        "  use: multi-stage\n"
        "  stages: [initial, {use: refine, attention: {use: word, kernel: tritom}}]\n"
    )
    with pytest.raises(RecipeError) as caught:
        resolve(recipe)
    found = {(one.code, one.place.line) for one in caught.value.problems if one.place}
    assert found == {("unknown-kernel", 3), ("unknown-kernel", 6)}


def test_a_run_uses_what_its_recipe_names_and_logs_the_share(tmp_path: Path) -> None:
    asked = [
        f"{path}.{setting}" for path in BOTH for setting in ("kernel=cpu", "precision=bfloat16", "filter=0.2")
    ]
    short = ["phases.damsm.steps=1", "phases.gan.steps=1", "evaluation.metrics={}", "samples.count=1"]
    train_tiny(tmp_path / "run", *short, *asked)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [row["phase"] for row in rows] == ["damsm", "gan"]
    assert all(0.25 <= row["pairs kept"] <= 1 for row in rows)
    assert tiny(*asked).data()["losses"]["damsm"]["precision"] == "bfloat16"
