"""Recipes that have a name: attnforge's own, then those that plugins ship."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from attnforge.errors import Place, Problem, nearest
from attnforge.plugin import PluginCatalogue
from attnforge.plugin.installing import install_command
from attnforge.recipe.elsewhere import PACKAGES
from attnforge.recipe.node import Scalar, find
from attnforge.recipe.source import read


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe on disk."""

    name: str
    path: Path
    provider: str
    """`attnforge` or the name of the plugin that ships it."""
    hidden_by: str | None = None
    """The provider of a recipe of the same name that takes precedence; this one needs its path."""


@dataclass(frozen=True, slots=True)
class RecipeText:
    """A recipe or protocol that was written in Python; relative paths start from the working folder."""

    text: str
    """It as YAML, which errors point into."""
    name: str = "recipe"


RecipeSource = str | Path | RecipeText
"""A recipe's name, the path of its file, or its text."""


def shipped() -> Path:
    """The folder of attnforge's own recipes, in an installed package or in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "_recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def library(plugins: PluginCatalogue) -> tuple[RecipeFile, ...]:
    """Every named recipe, sorted by name."""
    folders = [("attnforge", shipped())]
    folders += [(plugin.name, folder) for plugin in plugins.plugins for folder in plugin.recipes]
    owners: dict[str, str] = {}
    recipes = []
    for provider, folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            hidden_by = owners.get(path.stem)
            owners.setdefault(path.stem, provider)
            recipes.append(RecipeFile(path.stem, path, provider, hidden_by))
    return tuple(sorted(recipes, key=lambda recipe: (recipe.name, recipe.hidden_by is not None)))


def locate(
    source: str | Path, plugins: PluginCatalogue, *, folder: Path, place: Place | None = None
) -> RecipeFile | Problem:
    """The recipe of this name or path, or a problem if there is none.

    Args:
        source: A name, or a path: anything with a slash or ending in `.yaml`.
        plugins: Plugins whose recipes are searched.
        folder: What a relative path is relative to.
        place: Where the name was written.
    """
    text = os.fspath(source)
    if isinstance(source, Path) or "/" in text or os.sep in text or text.endswith((".yaml", ".yml")):
        path = folder / text
        if is_file(path):
            return RecipeFile(path.stem, path, "file")
        not_found = Problem(
            "unknown-recipe", f"recipe file {path} not found", place, None, "attnforge recipes"
        )
        return _of_a_run(path, place) or not_found
    recipes = [recipe for recipe in library(plugins) if recipe.hidden_by is None]
    for recipe in recipes:
        if recipe.name == text:
            return recipe
    if text and (of_a_run := _of_a_run(folder / text, place)):
        return of_a_run
    if packages := PACKAGES.get(text):
        needed = " and ".join(package.partition("[")[0] for package in packages)
        message = f"no recipe is called `{text}` here: it comes with {needed}"
        return Problem("unknown-recipe", message, place, None, install_command(*packages))
    names = [recipe.name for recipe in recipes]
    close = nearest(text, names)
    known = ", ".join(names) or "none is installed"
    expected = f"`{close}`; known: {known}" if close else f"a path, or one of {known}"
    return Problem("unknown-recipe", f"no recipe is called `{text}`", place, expected, "attnforge recipes")


def _of_a_run(path: Path, place: Place | None) -> Problem | None:
    """The problem of a run that is named where a recipe is expected."""
    if not is_file(path / "recipe.lock.yaml"):
        return None
    expected, step = f"{path}/recipe.lock.yaml, its frozen recipe", f"attnforge train --resume {path}"
    return Problem("unknown-recipe", f"{path} is a run, not a recipe", place, expected, step)


def shown(path: Path) -> str:
    """A path as errors show it: relative where the file is below the working folder."""
    try:
        return os.fspath(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return os.fspath(path)


def is_file(path: Path) -> bool:
    """Whether the file exists; False for a text that cannot be a path, such as a very long one."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether the folder exists; False for a text that cannot be a path."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def summary(recipe: RecipeFile) -> str:
    """The recipe's `summary`, or why it cannot be read."""
    problems: list[Problem] = []
    node = read(recipe.path, shown(recipe.path), problems)
    text = find(node, "summary") if node else None
    if isinstance(text, Scalar) and isinstance(text.value, str):
        return text.value
    return f"cannot be read: {problems[0].message}" if problems else ""
