"""What a sweep's files say where a run measured a number that is not finite."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from attnforge.evaluate.measured import Measurement
from attnforge.recipe import ResolvedRecipe
from attnforge.sweep import writing as subject
from attnforge.sweep.budget import Costs
from attnforge.sweep.plan import Plan, PlannedRun


def measurement(step: int, figure: float) -> Measurement:
    return Measurement(
        phase="gan",
        step=step,
        epoch=None,
        metrics={"score": figure},
        protocol={},
        network="generator",
        checkpoint=None,
        weights=None,
        recipe={},
        versions={},
        device="cpu",
        seconds=0.0,
    )


def result(label: str, *metrics: float) -> subject.RunResults:
    resolved = SimpleNamespace(name=label, data=lambda: {"evaluation": {}, "data": {"use": "none"}})
    run = PlannedRun(
        label=label,
        configuration=label,
        folder=Path(label),
        digest="1",
        settings={},
        resolved=cast("ResolvedRecipe", resolved),
    )
    measured = tuple(measurement(10 * (step + 1), figure) for step, figure in enumerate(metrics))
    return subject.RunResults(run, True, measured, Costs({}, 0.0))


PLAN = Plan(name="some", summary="", out=Path(), runs=(), configurations=(), encoders=(), highest=None)


def test_a_number_that_is_not_finite_leaves_the_other_results_whole(monkeypatch: Any) -> None:
    monkeypatch.setattr(subject, "protocol_of", lambda resolved: {})
    found = [result("good", 1.0, 2.0), result("bad", 3.0, math.nan, math.inf)]
    drawn = subject.figure(PLAN, found)
    assert drawn.startswith("<svg")
    assert "nan" not in drawn.lower()
    assert "inf" not in drawn.lower()
    saved = json.loads(subject._json(PLAN, found), parse_constant=lambda name: name)
    assert [one["metrics"]["score"] for one in saved["runs"][1]["measurements"]] == [3.0, None, None]
    chosen = found[1].selected("score")
    assert chosen is not None
    assert chosen.metrics["score"] == 3.0


def test_several_seeds_have_a_bar_from_the_lowest_to_the_highest() -> None:
    runs = [result("both", 1.0, 2.0), result("both", 3.0, 2.5, 4.0)]
    line = subject._line("both", runs, "score", factor=100, epochs=False)
    assert line.points == ((10.0, 200.0), (20.0, 225.0)), "the steps that both have"
    assert line.intervals == ((100.0, 300.0), (200.0, 250.0))
    assert subject._line("one", runs[:1], "score", factor=1, epochs=False).intervals == ()


def test_a_run_without_any_finite_number_shows_its_last() -> None:
    chosen = result("bad", math.nan, math.nan).selected("score")
    assert chosen is not None
    assert chosen.step == 20
