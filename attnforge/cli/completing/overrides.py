"""Completes KEY=VALUE after a recipe or a run: keys, and values that can be listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import click

from attnforge.cli.completing.names import known, recipe_names, recipe_of_run, run_folders
from attnforge.errors import AttnforgeError

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list[str]]


def keys_of_recipe(name: str = "") -> Complete:
    """Complete keys of a recipe: this one, or the command's argument `recipe`."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return _keys(name or context.params.get("recipe"), incomplete)

    return complete


def keys_of_run(argument: str, *sections: str) -> Complete:
    """Complete keys below these sections of the recipe of the run that an argument names."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        run = context.params.get(argument)
        return _keys(recipe_of_run(Path(run)) if run else None, incomplete, sections)

    return complete


def recipes_and_keys(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of recipes, and keys of the first that was typed."""
    typed = _typed(context, parameter)
    recipe = next((word for word in typed if known(word)), None)
    return [*recipe_names(context, parameter, incomplete), *_keys(recipe, incomplete)]


def runs_and_keys(*sections: str) -> Complete:
    """Complete runs, and keys below these sections of the recipe of the first."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        recipes = (recipe_of_run(Path(word)) for word in _typed(context, parameter))
        recipe = next((path for path in recipes if path), None)
        return [*run_folders(context, parameter, incomplete), *_keys(recipe, incomplete, sections)]

    return complete


def _typed(context: click.Context, parameter: click.Parameter) -> Sequence[str]:
    return context.params.get(parameter.name or "") or ()


def _keys(recipe: str | Path | None, incomplete: str, sections: Sequence[str] = ()) -> list[str]:
    """Keys of a recipe, or values behind a whole key; none where it cannot be read.

    Nobody asked for the problems of the recipe.
    """
    if not recipe:
        return []
    from attnforge.cli.completing.keys import keys, values
    from attnforge.plugin import load_plugins
    from attnforge.recipe import compose

    plugins = load_plugins()
    try:
        data = compose(recipe, plugins=plugins).plain()
    except AttnforgeError:
        return []
    key, equals, value = incomplete.partition("=")
    if sections and equals and key.partition(".")[0] not in sections:
        return []
    if equals:
        known = values(data, plugins.registry, key)
        return [f"{key}={name}" for name in known if name.startswith(value)]
    return [
        key
        for key in keys(data, plugins.registry, incomplete)
        if not sections or key.rstrip("=").partition(".")[0] in sections
    ]
