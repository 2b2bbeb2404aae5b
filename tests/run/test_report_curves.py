"""Logged scalars become charts whose lines can share an axis, and metrics come with explanations."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnforge.report.curves import MAX_POINTS, MAX_SERIES, curves, thinned
from attnforge.report.history import evenly_spaced
from attnforge.report.metrics import metrics


def logged(steps: int = 4, phase: str = "gan", **values: Any) -> list[dict[str, Any]]:
    return [{"phase": phase, "step": step, "seconds": 2.0 * step, **values} for step in range(1, steps + 1)]


def names(phase: Any) -> list[list[str]]:
    return [[line["name"] for line in chart["series"]] for chart in phase["charts"]]


def test_phases_keep_their_order_and_their_time() -> None:
    first, second = curves([*logged(phase="matching", loss=1), *logged(phase="gan", loss=1)])
    assert (first["phase"], second["phase"]) == ("matching", "gan")
    assert first["seconds"] == 6.0


def test_scalars_are_grouped_by_the_beginning_of_their_names() -> None:
    values: dict[str, Any] = {
        "D adversarial 16": 1.0,
        "D adversarial 32": 1.1,
        "G adversarial 16": 2.0,
        "G damsm": 3.0,
    }
    [phase] = curves(logged(**values))
    assert [chart["title"] for chart in phase["charts"]] == ["discriminators", "generator"]
    assert names(phase) == [["adversarial 16", "adversarial 32"], ["adversarial 16", "damsm"]]
    one: dict[str, Any] = {"loss/words": 1.0, "loss/sentence": 2.0, "speed.images": 3.0}
    [phase] = curves(logged(**one))
    assert [chart["title"] for chart in phase["charts"]] == ["loss", "speed.images"]


def test_scalars_of_very_different_sizes_get_charts_of_their_own() -> None:
    [phase] = curves(logged(loss=3.0, learning_rate=2e-4, norm=2.0))
    assert names(phase) == [["loss", "norm"], ["learning_rate"]]


def test_a_chart_never_has_more_lines_than_colours() -> None:
    many: dict[str, Any] = {f"loss{number}": 1.0 for number in range(2 * MAX_SERIES + 1)}
    [phase] = curves(logged(**many))
    assert [len(chart) for chart in names(phase)] == [MAX_SERIES, MAX_SERIES, 1]


@pytest.mark.parametrize(
    ("values", "logarithmic", "positive"),
    [
        ([1.0, 2.0], False, True),
        ([1.0, 1e-4], True, True),
        ([1.0, -1e-4], False, False),
        ([1.0, 0.0], False, False),
    ],
)
def test_an_axis_is_logarithmic_where_that_shows_more(
    values: list[float], logarithmic: bool, positive: bool
) -> None:
    lines = [{"phase": "gan", "step": step, "loss": value} for step, value in enumerate(values)]
    [chart] = curves(lines)[0]["charts"]
    assert (chart["logarithmic"], chart["positive"]) == (logarithmic, positive)


def test_the_later_of_two_lines_for_one_step_counts() -> None:
    [phase] = curves([*logged(steps=3, loss=1.0), {"phase": "gan", "step": 2, "loss": 9.0}])
    assert phase["charts"][0]["series"][0]["values"] == [1.0, 9.0, 1.0]


def test_values_that_are_not_finite_are_counted_and_not_plotted() -> None:
    lines = [*logged(steps=2, loss=1.0), *logged(steps=4, loss=math.nan)[2:]]
    [phase] = curves(lines)
    assert phase["not_finite"] == 2
    assert phase["charts"][0]["series"][0]["steps"] == [1, 2]


def test_text_and_flags_are_no_curves() -> None:
    [phase] = curves([{"phase": "gan", "step": 1, "note": "hello", "flag": True, "nothing": None}])
    assert phase["charts"] == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=1, max_size=3000))
def test_thinning_keeps_the_range_and_few_points(points: list[tuple[float, float]]) -> None:
    few = thinned(sorted(points), MAX_POINTS)
    assert 1 <= len(few) <= MAX_POINTS
    lowest, highest = min(y for _, y in points), max(y for _, y in points)
    margin = 1e-4 * max(1.0, abs(lowest), abs(highest))
    assert all(lowest - margin <= y <= highest + margin for _, y in few)
    assert [x for x, _ in few] == sorted(x for x, _ in few)


@given(st.lists(st.integers(), unique=True), st.integers(2, 20))
def test_chosen_moments_hold_the_first_and_the_last(values: list[int], most: int) -> None:
    chosen = evenly_spaced(sorted(values), most)
    assert len(chosen) == min(len(values), most) == len(set(chosen))
    if values:
        assert (chosen[0], chosen[-1]) == (min(values), max(values))


def test_figures_know_their_chance_and_their_meaning() -> None:
    accuracy, precision, wing, seed = metrics(
        {
            "evaluation seed": 1,
            "attribute accuracy": 0.5,
            "attribute accuracy chance": 0.125,
            "attribute accuracy wing": 0.25,
            "R-precision": 0.4,
            "R-precision chance": 0.01,
        }
    )[:2] + metrics({"attribute accuracy wing": 0.25, "evaluation seed": 1})
    assert (accuracy["value"], accuracy["chance"], accuracy["main"]) == ("50.0%", 0.125, True)
    assert (precision["name"], precision["chance"], precision["main"]) == ("R-precision", 0.01, True)
    assert "own caption" in precision["explanation"]
    assert (wing["main"], wing["explanation"]) == (False, "The same for wing only.")
    assert (seed["value"], seed["share"], seed["explanation"]) == ("1", None, "")


def test_r_precision_by_other_encoders_is_a_share_of_its_own_with_its_note() -> None:
    name = "R-precision (encoders 0123abcd)"
    note = "these encoders trained the generator"
    own, other = metrics({"R-precision": 0.7, name: 0.5, f"{name} chance": 0.01, f"{name} note": note})
    assert (own["value"], other["name"], other["value"], other["chance"]) == ("70.0%", name, "50.0%", 0.01)
    assert other["main"]
    assert other["explanation"].endswith("These encoders trained the generator.")
    assert "These encoders" not in own["explanation"]


def test_a_chance_without_its_figure_and_nested_values_are_shown() -> None:
    rows = {row["name"]: row["value"] for row in metrics({"luck chance": 0.5, "protocol": {"count": 3}})}
    assert rows == {"luck chance": "0.5", "protocol · count": "3"}
