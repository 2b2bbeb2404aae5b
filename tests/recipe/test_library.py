"""Recipes that have a name: the core's own come first, and what is hidden says by whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from small_recipes import WHOLE, Kitchen
from unreadable import needs_an_unreadable_file, unreadable

from attnforge.errors import Problem
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import RecipeFile, library
from attnforge.recipe.library import locate, shipped, summary


def shipping(kitchen: Kitchen, *folders: Path) -> PluginCatalogue:
    return replace(kitchen.plugins, plugins=(replace(kitchen.plugins.plugins[0], recipes=folders),))


def test_a_plugins_recipe_does_not_replace_the_cores(kitchen: Kitchen) -> None:
    taken = sorted(path.stem for path in shipped().glob("*.yaml"))[0]
    kitchen.write(WHOLE, f"{taken}.yaml")
    kitchen.write(WHOLE, "mine.yaml")
    plugins = shipping(kitchen, kitchen.folder)
    named = {(recipe.name, recipe.provider): recipe.hidden_by for recipe in library(plugins)}
    assert named[taken, "small"] == "attnforge"
    assert named[taken, "attnforge"] is None
    assert named["mine", "small"] is None
    found = locate(taken, plugins, folder=Path())
    assert isinstance(found, RecipeFile)
    assert found.provider == "attnforge"


def test_a_recipe_that_cannot_be_read_is_still_listed(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE, "good.yaml")
    kitchen.write("summary: [", "bad.yaml")
    kitchen.write("data: birds\n", "silent.yaml")
    said = {recipe.name: summary(recipe) for recipe in library(shipping(kitchen, kitchen.folder))}
    assert said["good"] == "small"
    assert said["bad"].startswith("cannot be read")
    assert said["silent"] == ""


@needs_an_unreadable_file
def test_a_file_that_cannot_be_read_is_an_error(kitchen: Kitchen) -> None:
    unreadable(kitchen.folder / "parent.yaml")
    problem = kitchen.only("extends: ./parent.yaml\n")
    assert problem.code == "unreadable-recipe"
    assert "parent.yaml" in problem.message


def test_a_path_is_never_a_name(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE, "mine.yaml")
    plugins = shipping(kitchen, kitchen.folder)
    assert isinstance(locate("mine", plugins, folder=Path()), RecipeFile)
    assert isinstance(locate("mine.yaml", plugins, folder=kitchen.folder), RecipeFile)
    assert isinstance(locate("./mine", plugins, folder=kitchen.folder), Problem)
    assert isinstance(locate("mine", replace(plugins, plugins=()), folder=kitchen.folder), Problem)


def test_long_lines_are_cut_in_excerpts(kitchen: Kitchen) -> None:
    near = kitchen.only(f"{WHOLE}samples: {{count: x, captions: [{'long, ' * 100}]}}\n")
    assert near.place is not None
    assert near.place.excerpt is not None
    assert len(near.place.excerpt) < 130
    assert "^" in near.place.sketch()
    far = kitchen.only(f"{WHOLE}samples: {{captions: [{'long, ' * 100}], count: x}}\n")
    assert far.place is not None
    assert far.place.column is not None
    assert far.place.column > 600
    assert far.place.excerpt is None
