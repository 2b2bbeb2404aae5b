"""Checks that data folders and weight files named in recipes exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.doctor.finding import OK, PROBLEM, WARNING, Finding
from attnforge.errors import AttnforgeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import resolve
from attnforge.recipe.compose import compose
from attnforge.recipe.library import library
from attnforge.recipe.weights import RANDOM, random_weights

KEYS = ("root", "weights")
"""Options that name a data folder or a weight file."""


@dataclass(frozen=True, slots=True)
class RecipePath:
    """A path in a recipe."""

    path: str
    key: str
    """Its dotted key."""
    use: str
    """The component that reads it."""


def look(plugins: PluginCatalogue, recipes: Sequence[str], overrides: Sequence[str]) -> Iterator[Finding]:
    """Check each path once, with the recipes that name it.

    Args:
        plugins: Plugins that provide recipes.
        recipes: Recipes to check, for which a missing path is a problem; if empty, all named recipes, for
            which it is a warning.
        overrides: `KEY=VALUE` each, applied to the recipes.
    """
    names = recipes or [recipe.name for recipe in library(plugins) if recipe.hidden_by is None]
    users: dict[RecipePath, list[str]] = {}
    for name in names:
        try:
            composed = compose(name, overrides=overrides, plugins=plugins)
        except AttnforgeError as error:
            state = PROBLEM if recipes else WARNING
            yield Finding("data", name, state, error.problems[0].message, f"attnforge validate {name}")
            continue
        for path in _paths(composed.plain(), ""):
            users.setdefault(path, []).append(name)
        if recipes:
            yield from _missing_weights(name, overrides, plugins)
        if recipes and not any(name in names_of_users for names_of_users in users.values()):
            yield Finding("data", name, OK, "it names no data folder and no weight file")
    for path, names_of_users in users.items():
        yield _state(path, names_of_users, needed=bool(recipes))


def _missing_weights(name: str, overrides: Sequence[str], plugins: PluginCatalogue) -> Iterator[Finding]:
    """Components of a recipe that need pretrained weights but would start from random ones."""
    try:
        resolved = resolve(name, overrides=overrides, plugins=plugins)
    except AttnforgeError as error:
        yield Finding("data", name, PROBLEM, error.problems[0].message, f"attnforge validate {name}")
        return
    for problem in random_weights(resolved) if not resolved.get("pretrained") else ():
        yield Finding("data", f"weights of {name}", PROBLEM, problem.message, problem.next_step or "")


def _paths(value: object, path: str) -> Iterator[RecipePath]:
    """The paths in plain data."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in KEYS and isinstance(inner, str) and inner != RANDOM:
                yield RecipePath(inner, f"{path}.{key}".strip("."), str(value.get("use", "")))
            else:
                yield from _paths(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, f"{path}.{index}")


def _state(path: RecipePath, recipes: Sequence[str], *, needed: bool) -> Finding:
    others = f" and {len(recipes) - 1} more" if len(recipes) > 1 else ""
    use = f"`{path.key}` of {recipes[0]}{others}"
    if not Path(path.path).expanduser().exists():
        state = PROBLEM if needed else WARNING
        return Finding("data", path.path, state, f"missing; {use}", _next(path, recipes[0]))
    return Finding("data", path.path, OK, f"exists; {use}")


def _next(path: RecipePath, recipe: str) -> str:
    if path.key == "data.root" and path.use in ("cub", "coco"):
        return f"attnforge data prepare {path.use} {path.path}"
    return f"attnforge train {recipe} {path.key}=PATH"
