"""Writes recipes of small parts and finds what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import small_plugin

from attnforge.errors import Problem, RecipeError
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.recipe import ResolvedRecipe, resolve

WHOLE = """\
summary: small
data: {use: birds, scale: 2}
tokenizer: words
text: {use: reader, dim: 16}
image: looker
generator:
  use: tower
  stages:
    - step
    - {use: step, attention: glance}
    - use: step
      attention: {use: glance, heads: 2}
losses:
  first: term
  second: {use: term, weight: 5}
phases:
  match: {task: play, steps: 10}
  draw: {task: {use: play, rate: 1e-3}, epochs: 2}
training: {seed: 3}
"""


def small_catalogue() -> PluginCatalogue:
    """The small parts and nothing that is installed."""
    return load_plugins(extra=[("small", small_plugin)], installed=False)


class Kitchen:
    """A folder of recipes made of small parts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plugins = small_catalogue()

    def write(self, text: str, name: str = "recipe.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def resolve(self, text: str, *overrides: str) -> ResolvedRecipe:
        return resolve(self.write(text), overrides=overrides, plugins=self.plugins)

    def problems(self, text: str, *overrides: str) -> list[Problem]:
        """Everything that is wrong with a recipe, which must be something."""
        try:
            self.resolve(text, *overrides)
        except RecipeError as error:
            return list(error.problems)
        raise AssertionError("the recipe resolved")

    def only(self, text: str, *overrides: str) -> Problem:
        """The one thing that is wrong with a recipe."""
        problems = self.problems(text, *overrides)
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]


def changed(old: str, new: str) -> str:
    """The whole recipe with one text replaced."""
    assert WHOLE.count(old) == 1
    return WHOLE.replace(old, new)
