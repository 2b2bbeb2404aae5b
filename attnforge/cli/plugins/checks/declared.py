"""Checks a plugin's other declarations: recipes must resolve, commands must load, hooks must exist."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from attnforge.cli.family import load_command
from attnforge.cli.plugins.checks.outcome import Outcome, outcome
from attnforge.plugin import Plugin, PluginCatalogue
from attnforge.plugin.declared import HOOKS
from attnforge.recipe import resolve
from attnforge.recipe.library import RecipeFile, library


def recipe_checks(plugin: Plugin, plugins: PluginCatalogue) -> Iterator[Outcome]:
    """Check that each recipe resolves, and can be used by name."""
    for folder in plugin.recipes:
        if not any(folder.glob("*.yaml")):
            yield Outcome("contains recipes", str(folder), "fail", "there is no .yaml file in the folder")
    for recipe in library(plugins):
        if recipe.provider == plugin.name:
            yield outcome("recipe resolves", recipe.name, partial(_resolves, recipe, plugins))


def command_checks(plugin: Plugin) -> Iterator[Outcome]:
    """Check that each command can be loaded and has a help text."""
    for name, target in plugin.commands.items():
        yield outcome("command loads", name, partial(_missing_help, name, target))


def hook_checks(plugin: Plugin, plugins: PluginCatalogue) -> Iterator[Outcome]:
    """The hooks that the plugin implements; invalid ones disable it when it is loaded."""
    for hook in HOOKS:
        for implementation in getattr(plugins.manager.hook, hook).get_hookimpls():
            if implementation.plugin_name == plugin.name:
                yield Outcome("hook is known", f"{hook}({', '.join(implementation.argnames)})", "pass")


def _resolves(recipe: RecipeFile, plugins: PluginCatalogue) -> str | None:
    if recipe.hidden_by is not None:
        return f"{recipe.hidden_by} has a recipe of that name, which takes precedence"
    resolve(recipe.path, plugins=plugins)
    return None


def _missing_help(name: str, target: str) -> str | None:
    return None if load_command(name, target).help else "it has no help; add a docstring"
