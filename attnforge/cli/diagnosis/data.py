"""Folders of data and files of weights that recipes name: are they there?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.cli.diagnosis.finding import OK, PROBLEM, WARNING, Finding
from attnforge.errors import AttnforgeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import resolve
from attnforge.recipe.compose import compose
from attnforge.recipe.library import library
from attnforge.recipe.weights import RANDOM, random_weights

KEYS = ("root", "weights")
"""Options that name a folder of data and a file of weights."""


@dataclass(frozen=True, slots=True)
class Named:
    """A path that a recipe names."""

    path: str
    key: str
    """The dotted key that names it."""
    use: str
    """The component that reads it."""


def look(plugins: PluginCatalogue, recipes: Sequence[str], overrides: Sequence[str]) -> Iterator[Finding]:
    """Each path once, with the recipes that name it.

    Args:
        plugins: Whose recipes there are.
        recipes: Those to look at, where a missing path is a problem; all that have a name when there are
            none, where it is a warning.
        overrides: `KEY=VALUE` each, laid over the recipes.
    """
    names = recipes or [one.name for one in library(plugins) if one.hidden_by is None]
    users: dict[Named, list[str]] = {}
    for name in names:
        try:
            composed = compose(name, overrides=overrides, plugins=plugins)
        except AttnforgeError as error:
            state = PROBLEM if recipes else WARNING
            yield Finding("data", name, state, error.problems[0].message, f"attnforge validate {name}")
            continue
        for named in _named(composed.plain(), ""):
            users.setdefault(named, []).append(name)
        if recipes:
            yield from _random(name, overrides, plugins)
        if recipes and not any(name in some for some in users.values()):
            yield Finding("data", name, OK, "it names no folder of data and no file of weights")
    for named, some in users.items():
        yield _state(named, some, needed=bool(recipes))


def _random(name: str, overrides: Sequence[str], plugins: PluginCatalogue) -> Iterator[Finding]:
    """Parts of a recipe that would train on random weights although they need pretrained ones."""
    try:
        resolved = resolve(name, overrides=overrides, plugins=plugins)
    except AttnforgeError as error:
        yield Finding("data", name, PROBLEM, error.problems[0].message, f"attnforge validate {name}")
        return
    for problem in random_weights(resolved) if resolved.get("encoders") is None else ():
        yield Finding("data", f"weights of {name}", PROBLEM, problem.message, problem.next_step or "")


def _named(value: object, path: str) -> Iterator[Named]:
    """The paths in plain data."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in KEYS and isinstance(inner, str) and inner != RANDOM:
                yield Named(inner, f"{path}.{key}".strip("."), str(value.get("use", "")))
            else:
                yield from _named(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _named(inner, f"{path}.{index}")


def _state(named: Named, recipes: Sequence[str], *, needed: bool) -> Finding:
    path = Path(named.path).expanduser()
    others = f" and {len(recipes) - 1} more" if len(recipes) > 1 else ""
    of = f"`{named.key}` of {recipes[0]}{others}"
    if not path.exists():
        state = PROBLEM if needed else WARNING
        return Finding("data", named.path, state, f"not there; it is {of}", _next(named, recipes[0]))
    return Finding("data", named.path, OK, f"there; it is {of}")


def _next(named: Named, recipe: str) -> str:
    if named.key == "data.root" and named.use in ("cub", "coco"):
        return f"attnforge data prepare {named.use} {named.path}"
    return f"attnforge train {recipe} {named.key}=PATH"
