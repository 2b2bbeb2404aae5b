"""The JSON Schema accepts what `resolve` accepts and refuses what it refuses."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
import yaml
from small_recipes import WHOLE, small_catalogue

from attnforge.plugin import load_plugins
from attnforge.recipe import compose, library
from attnforge.recipe.json_schema import json_schema
from attnforge.recipe.node import plain
from attnforge.recipe.source import read


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = json_schema(small_catalogue())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.fixture
def whole() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(WHOLE.replace("1e-3", "0.001"))
    return data


def test_a_right_recipe_is_valid(validator: jsonschema.Draft7Validator, whole: dict[str, Any]) -> None:
    assert list(validator.iter_errors(whole)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("text.dim", "16"),
        ("text.dmi", 16),
        ("text.use", "redaer"),
        ("text.cell", "rnn"),
        ("image", "reader"),
        ("data", "fish"),
        ("training.seed", -1),
        ("training.sede", 1),
        ("phases.match.steps", 0),
        ("phases.match.task", None),
        ("generator.stages", "step"),
        ("generator.widths", {"inner": 1, "middle": 2}),
        ("tokenizer", None),
    ],
)
def test_a_fault_is_refused(
    validator: jsonschema.Draft7Validator, whole: dict[str, Any], path: str, value: object
) -> None:
    *steps, last = path.split(".")
    place = whole
    for step in steps:
        place = place[step]
    place[last] = value
    assert not validator.is_valid(whole)


def test_a_missing_value_is_refused_unless_a_parent_may_have_it(
    validator: jsonschema.Draft7Validator, whole: dict[str, Any]
) -> None:
    for name in ("data", "tokenizer", "text", "phases"):
        part = copy.deepcopy(whole)
        del part[name]
        assert not validator.is_valid(part)
        assert validator.is_valid({"extends": "parent", **part})
    without = {name: part for name, part in whole.items() if name != "image"}
    assert validator.is_valid(without)
    assert validator.is_valid({**without, "image": None})
    assert validator.is_valid({"extends": "parent", "text": {"dim": 3}, "phases": {"match": {"steps": 1}}})
    assert not validator.is_valid({"extends": "parent", "phases": {"match": {"stepz": 1}}})


def test_options_carry_their_summary_and_default() -> None:
    schema = json_schema(small_catalogue())
    (glance,) = [
        part
        for part in schema["definitions"]["whole.slot.attention"]["anyOf"]
        if part.get("title") == "glance"
    ]
    assert glance["properties"]["heads"] == {
        "type": "integer",
        "default": 1,
        "description": "How many times it looks.",
    }


def test_every_shipped_recipe_is_valid() -> None:
    plugins = load_plugins()
    validator = jsonschema.Draft7Validator(json_schema(plugins))
    recipes = library(plugins)
    assert recipes
    for recipe in recipes:
        node = read(recipe.path, recipe.name, [])
        assert node is not None
        written = plain(node)
        assert [error.message for error in validator.iter_errors(written)] == [], recipe.name
        assert validator.is_valid(compose(recipe.path, plugins=plugins).plain()), recipe.name
