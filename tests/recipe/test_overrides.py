"""Overrides: dotted keys, list items, components, and the place of what is wrong in one."""

from __future__ import annotations

import pytest
from small_recipes import WHOLE, Kitchen

from attnforge.recipe import compose


def test_values_are_yaml(kitchen: Kitchen) -> None:
    data = kitchen.resolve(
        WHOLE, "training.seed=0x10", "data.colours=[red, off]", "text.cell=gru", "data.scale=1e-1"
    ).data()
    assert data["training"]["seed"] == 16
    assert data["data"]["colours"] == ["red", "off"]
    assert data["data"]["scale"] == 0.1
    assert data["text"]["cell"] == "gru"


def test_an_empty_value_is_null_and_a_value_may_hold_an_equals_sign(kitchen: Kitchen) -> None:
    data = kitchen.resolve(WHOLE, "generator=", "summary=a=b").data()
    assert data["generator"] is None
    assert data["summary"] == "a=b"


def test_a_section_that_the_recipe_lacks_is_made(kitchen: Kitchen) -> None:
    assert kitchen.resolve(WHOLE, "samples.count=3").data()["samples"]["count"] == 3


def test_items_of_lists_are_reached_by_index(kitchen: Kitchen) -> None:
    stages = kitchen.resolve(
        WHOLE, "generator.stages.1.attention.heads=5", "generator.stages.0.attention.use=stare"
    ).data()["generator"]["stages"]
    assert stages[0] == {"use": "step", "attention": "stare", "blocks": 2}
    assert stages[1]["attention"] == {"use": "glance", "heads": 5, "inner": None}


@pytest.mark.parametrize("order", [1, -1])
def test_another_component_drops_options_whatever_the_order(kitchen: Kitchen, order: int) -> None:
    overrides = ["data.pond=big", "data.use=fish"][::order]
    composed = compose(kitchen.write(WHOLE), overrides=overrides, plugins=kitchen.plugins)
    assert composed.plain()["data"] == {"use": "fish", "pond": "big"}


def test_the_last_of_equal_keys_wins(kitchen: Kitchen) -> None:
    assert kitchen.resolve(WHOLE, "training.seed=1", "training.seed=2").data()["training"]["seed"] == 2


@pytest.mark.parametrize(
    ("override", "code", "at"),
    [
        ("training.sede=1", "unknown-key", "sede"),
        ("training.seed=one", "wrong-type", "one"),
        ("losses.second.weight=[1]", "wrong-type", "[1]"),
        ("data.use=brids", "unknown-component", "brids"),
        ("generator.stages.3.blocks=1", "bad-override", "3.blocks"),
        ("generator.stages.x=1", "bad-override", "x=1"),
        ("generator.stages.-1=step", "bad-override", "-1=step"),
        ("text.dim.x=1", "bad-override", "x=1"),
        ("training.seed", "bad-override", "training"),
        ("=1", "bad-override", "=1"),
        ("a..b=1", "bad-override", "a..b"),
        ("training.seed={", "bad-override", ""),
        ("training.seed=*a", "bad-override", "*a"),
        ("extends=other", "bad-override", "extends"),
        ("lock.attnforge=9", "bad-override", "lock"),
        ("training={seed: 1, seed: 2}", "duplicate-key", "seed: 2"),
    ],
)
def test_a_fault_in_an_override_is_shown_in_it(kitchen: Kitchen, override: str, code: str, at: str) -> None:
    problem = kitchen.problems(WHOLE, "training.workers=0", override)[0]
    place = problem.place
    assert problem.code == code
    assert place is not None
    assert (place.source, place.line, place.excerpt) == ("command line", 2, override)
    assert place.column is not None
    assert override[place.column - 1 :].startswith(at)


def test_an_override_that_leaves_a_required_value_out_points_at_itself(kitchen: Kitchen) -> None:
    problem = kitchen.only(WHOLE, "phases.third.steps=4")
    assert problem.code == "missing-value"
    assert problem.place is not None
    assert str(problem.place) == "command line:1:8"
