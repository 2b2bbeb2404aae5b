"""Numbers that change during a phase: their values in each step, and how a recipe says so."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from attnforge_gan.losses import HingeLoss
from attnforge_r3gan.zero_centred import ZeroCentredPenalty
from known_steps import SPEC
from small_game import SIZES, play, spec

from attnforge.adversarial.task import AdversarialTask
from attnforge.build import assemble
from attnforge.errors import RecipeError
from attnforge.recipe import resolve
from attnforge.scheduled import Scheduled, ScheduledValues
from attnforge.testing.examples.steps import adversarial_step, loss_spec
from attnforge.values import Progress

COSINE = Scheduled(schedule="cosine", from_=10, to=1, over=200)


def at(step: int, steps: int = 1000) -> Progress:
    return Progress(step=step, steps=steps, batch_size=4, images=100)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"schedule": "linear", "over": 200}, {0: 10, 50: 7.75, 100: 5.5, 200: 1, 999: 1}),
        ({"schedule": "cosine", "over": 200}, {0: 10, 50: 1 + 4.5 * (1 + math.sqrt(0.5)), 100: 5.5, 200: 1}),
        ({"schedule": "steps", "over": 200}, {0: 10, 199: 10, 200: 1}),
        ({"schedule": "steps", "over": 200, "jumps": 3}, {66: 10, 67: 7, 133: 7, 134: 4, 199: 4, 200: 1}),
        ({"schedule": "linear", "over": 0.5}, {0: 10, 250: 5.5, 500: 1, 999: 1}),
        ({"schedule": "linear"}, {0: 10, 500: 5.5, 999: 1.009}),
    ],
)
def test_a_number_has_its_value_in_every_step(options: Any, expected: dict[int, float]) -> None:
    schedule = Scheduled(from_=10, to=1, **options)
    assert {step: schedule.at(at(step)) for step in expected} == pytest.approx(expected)


def test_tensors_that_graphs_read_are_written_before_each_step() -> None:
    values = ScheduledValues(torch.device("cpu"))
    values.advance(at(0))
    read = values.value(COSINE)
    assert read.item() == 10
    values.advance(at(100))
    assert values.value(COSINE) is read
    assert read.item() == pytest.approx(5.5)


def test_a_penalty_follows_the_schedule_of_its_size() -> None:
    step, _ = adversarial_step(number=50)
    plain = ZeroCentredPenalty(loss_spec(), at="real", weight=(1.0, 1.0), every=3)
    scheduled = ZeroCentredPenalty(loss_spec(), at="real", weight=(COSINE, 2.0), every=3)
    assert scheduled.variant(at(50)) is True
    assert scheduled.variant(at(49)) is False
    terms, expected = scheduled.discriminator(step), plain.discriminator(step)
    for name, factor in (("R1 16", COSINE.at(step.progress)), ("R1 32", 2.0)):
        torch.testing.assert_close(terms[name], factor * expected[name])


def test_training_weighs_terms_by_the_value_of_the_step() -> None:
    falling = Scheduled(schedule="linear", from_=2, to=0)
    scheduled, plain = (
        play(AdversarialTask(spec(adversarial=HingeLoss(SPEC, weight=weight))), progress=0.25)
        for weight in (falling, 1.0)
    )
    names = [f"D adversarial {size}" for size in SIZES]
    assert [scheduled[name] for name in names] == pytest.approx([1.5 * plain[name] for name in names])


def test_a_recipe_gives_a_schedule_where_it_may_give_a_number() -> None:
    text = "losses.penalty.weight=[{schedule: cosine, from: 10, to: 1, over: 200}, 5, 20]"
    resolved = resolve("attngan-r3-cub", overrides=[text])
    assert resolved.data()["losses"]["penalty"]["weight"][0]["from"] == 10
    weights = assemble(resolved).losses["penalty"].options["weight"]  # type: ignore[attr-defined]
    assert weights == (COSINE, 5, 20)


@pytest.mark.parametrize(
    ("value", "code", "hint"),
    [
        ("weight=often", "wrong-type", "a valid number, or a map of schedule, from, to, over, jumps"),
        ("weight={schedule: cosin, from: 1, to: 0}", "bad-value", "`cosine`"),
        ("weight={schedule: linear, form: 1, to: 0}", "unknown-key", "`from`"),
        ("weight={schedule: linear, from: -1, to: 0}", "bad-value", "greater than or equal to 0"),
        ("anneal={to: 0.1}", "unknown-key", "weight: {schedule: cosine, from: 1, to: 0.1}"),
    ],
)
def test_a_wrong_schedule_is_refused_with_what_to_write(value: str, code: str, hint: str) -> None:
    with pytest.raises(RecipeError) as refused:
        resolve("attngan-r3-cub", overrides=[f"losses.penalty.{value}"])
    problem = refused.value.problems[0]
    assert (problem.code, problem.place is None) == (code, False)
    assert hint in str(problem.expected)


def test_only_steps_have_jumps() -> None:
    with pytest.raises(RecipeError, match="jumps") as refused:
        Scheduled(schedule="linear", from_=1, to=0, jumps=2)
    assert [problem.code for problem in refused.value.problems] == ["schedule-jumps"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{anneal: null}", (1, 5, 20)),
        (
            "{weight: 3, anneal: {to: 0.5, until: 0.5}}",
            Scheduled(schedule="cosine", from_=3, to=1.5, over=0.5),
        ),
        (
            "{weight: [2, 1, 4], anneal: {to: 0.1}}",
            tuple(
                Scheduled(schedule="cosine", from_=start, to=pytest.approx(start / 10)) for start in (2, 1, 4)
            ),
        ),
    ],
)
def test_a_recipe_of_version_1_anneals_by_a_schedule(before: str, after: Any) -> None:
    override = f"losses.penalty={before.replace('{', '{use: zero-centred@1, ', 1)}"
    options = assemble(resolve("attngan-r3-cub", overrides=[override])).losses["penalty"].options  # type: ignore[attr-defined]
    assert options["weight"] == after
    assert "anneal" not in options
