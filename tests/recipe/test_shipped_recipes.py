"""Every recipe that attnforge and its plugins ship resolves, freezes and resolves again."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnforge.plugin import load_plugins
from attnforge.recipe import RecipeFile, library, resolve

RECIPES = library(load_plugins())


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.name for recipe in RECIPES])
def test_a_shipped_recipe_resolves_and_freezes(recipe: RecipeFile, tmp_path: Path) -> None:
    first = resolve(recipe.name)
    path = tmp_path / "recipe.lock.yaml"
    path.write_text(first.frozen())
    second = resolve(path)
    assert second.name == recipe.name
    assert second.digest == first.digest
    assert first.plain()["summary"]


def test_attnforge_ships_recipes_that_hide_none() -> None:
    assert {recipe.provider for recipe in RECIPES} >= {"attnforge"}
    assert [recipe for recipe in RECIPES if recipe.hidden_by] == []
