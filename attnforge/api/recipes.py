"""Recipes written in Python: dictionaries, with components as classes or `functools.partial`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from attnforge.api import arguments
from attnforge.api.declared import declarations, declarations_of, declared_in, plugins_with
from attnforge.errors import Problem, RecipeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe.library import RecipeText
from attnforge.recipe.override import Assignment, Overrides, assign
from attnforge.recipe.resolve import resolve
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.scalars import write, write_line
from attnforge.recipe.source import Text, parse

Recipe = str | os.PathLike[str] | Mapping[str, Any] | ResolvedRecipe
"""A recipe's name, the path of its file, a dictionary with its keys, or a resolved one."""
Values = Mapping[str, Any] | Sequence[str]
"""Overrides: values by dotted key, or `KEY=VALUE` each."""
_EXPECTED = "a recipe's name, the path of its file, a dictionary with its keys, or a resolved recipe"


def recipe(source: Recipe, *, overrides: Values = (), components: Sequence[type] = ()) -> ResolvedRecipe:
    """Resolve a recipe: look up its components, decode every value, and report all problems at once.

    `attnforge.recipe({"extends": "quickstart", "generator": partial(MultiStageGenerator, channels=24)})`.
    A component is a name, a dictionary with `use`, a class that a plugin or `attnforge.component` declares,
    or a `functools.partial` of one with its options as keywords.

    Args:
        source: A recipe's name, the path of its file, a dictionary with its keys, or a resolved recipe.
        overrides: Values by dotted key, such as `{"phases.gan.steps": 100}`, or `KEY=VALUE` each.
        components: Classes that `attnforge.component` declared and that the recipe names by their names.

    Raises:
        RecipeError: with every problem of the recipe.
    """
    return resolved_by(plugins_of(source, overrides, components), source, overrides=overrides)


def plugins_of(source: Recipe, overrides: Values, components: Sequence[type]) -> PluginCatalogue:
    """The installed plugins, and one more for the declared classes of a recipe, if it has any.

    Args:
        source: The recipe.
        overrides: Values by dotted key, or `KEY=VALUE` each.
        components: Further classes, which the recipe may name by their names.

    Raises:
        PluginError: `bad-declaration`: one is not declared, or its name is taken.
    """
    declared = [*declarations_of(components), *declarations(source), *declarations(overrides)]
    return plugins_with(
        [*declared, *(declared_in(source.plugins) if isinstance(source, ResolvedRecipe) else ())]
    )


def resolved_by(plugins: PluginCatalogue, source: Recipe, *, overrides: Values) -> ResolvedRecipe:
    """Like `recipe`, by these plugins.

    Args:
        plugins: Plugins that provide components.
        source: The recipe.
        overrides: Values by dotted key, or `KEY=VALUE` each.

    Raises:
        RecipeError: with every problem of the recipe.
    """
    changes = read_overrides(overrides, plugins=plugins)
    match source:
        case ResolvedRecipe() if not changes:
            return source
        case ResolvedRecipe():
            written: str | Path | RecipeText = RecipeText(source.composed.text(), source.name)
        case Mapping():
            written = recipe_text(source, name="recipe", plugins=plugins)
        case str():
            written = str(source)
        case _:
            written = arguments.path("source", source, expected=_EXPECTED)
    return resolve(written, overrides=changes, plugins=plugins)


def recipe_text(source: Mapping[str, Any], *, name: str, plugins: PluginCatalogue) -> RecipeText:
    """A recipe or protocol that is a dictionary, as YAML.

    Raises:
        RecipeError: a value cannot be part of a recipe; all are named.
    """
    problems: list[Problem] = []
    text = write(_plain(source, "", plugins, problems))
    if problems:
        raise RecipeError(problems)
    return RecipeText(text, name)


def read_overrides(values: Values, *, plugins: PluginCatalogue) -> Overrides:
    """Overrides as `resolve` takes them; those of a mapping are quoted in errors as lines of `overrides`.

    Raises:
        AttnforgeError: they are neither a mapping nor a list of texts.
        RecipeError: a key or a value cannot be part of a recipe; all are named.
    """
    expected = "a dictionary of values by dotted key, or a list of `KEY=VALUE` texts"
    if not isinstance(values, Mapping):
        return arguments.texts("overrides", values, expected=expected)
    problems: list[Problem] = []
    assignments: list[Assignment | None] = []
    for number, (key, value) in enumerate(values.items(), start=1):
        if not isinstance(key, str):
            raise arguments.refused("overrides", values, expected)
        written = write_line(_plain(value, key, plugins, problems))
        shown = f"{key}: {written}"
        node = parse(Text("overrides", written, shown, number, len(key) + 2), problems)
        if node is not None:
            place = Text("overrides", shown, line=number).start()
            assignments.append(assign(key, place, node, problems))
    if problems:
        raise RecipeError(problems)
    return [assignment for assignment in assignments if assignment is not None]


def _plain(value: object, path: str, plugins: PluginCatalogue, problems: list[Problem]) -> Any:
    """A value of Python as plain data; what cannot be part of a recipe is added to `problems`."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case os.PathLike():
            return os.fspath(value)
        case np.generic():
            return value.item()
        case Mapping():
            items = {str(key): item for key, item in value.items()}
            return {
                key: _plain(item, f"{path}.{key}".lstrip("."), plugins, problems)
                for key, item in items.items()
            }
        case list() | tuple():
            return [_plain(item, f"{path}.{n}", plugins, problems) for n, item in enumerate(value)]
        case partial() if isinstance(value.func, type) and not value.args:
            named = _plain(value.func, path, plugins, problems)
            options = _plain(value.keywords, path, plugins, problems)
            return {"use": named, **options} if options else named
        case type():
            return _name_of(value, path, plugins, problems)
    message = f"`{path}` is of type {type(value).__name__}, which cannot be part of a recipe"
    expected = "text, numbers, lists, dictionaries, a component's class, or a `functools.partial` of one"
    problems.append(Problem("not-in-a-recipe", message, expected=expected))
    return None


def _name_of(part: type, path: str, plugins: PluginCatalogue, problems: list[Problem]) -> str | None:
    """The name by which recipes know a class."""
    target = f"{part.__module__}:{part.__qualname__}"
    names = [component.name for component in plugins.registry if component.target == target]
    if names:
        return names[0]
    message = f"`{path}` is the class {part.__qualname__}, which no plugin declares"
    expected = "a class of `attnforge components`, whose name a run keeps, so that it can be loaded elsewhere"
    step = f"@attnforge.component(KIND, NAME) above `class {part.__name__}`, or attnforge plugins new NAME"
    problems.append(Problem("not-in-a-recipe", message, expected=expected, next_step=step))
    return None
