"""Checks that data folders and files of weights exist that recipes name or packages carry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.doctor.carried import carried_files
from attnforge.doctor.finding import OK, PROBLEM, WARNING, Finding
from attnforge.errors import AttnforgeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import resolve
from attnforge.recipe.compose import compose
from attnforge.recipe.library import library
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.weights import RANDOM, PublishedFile, published_files, random_weights

KEYS = ("root", "weights", "calibration")
"""Options that name a data folder or a weight file."""
SHOWN_DIGITS = 12
"""Hex digits of a sha256 that identify a file in a line of the diagnosis."""


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
    published: dict[str, Sequence[PublishedFile]] = {}
    for name in names:
        try:
            composed = compose(name, overrides=overrides, plugins=plugins)
            resolved = resolve(name, overrides=overrides, plugins=plugins) if recipes else None
        except AttnforgeError as error:
            state = PROBLEM if recipes else WARNING
            yield Finding("data", name, state, error.problems[0].message, f"attnforge validate {name}")
            continue
        for path in _paths(composed.plain(), ""):
            users.setdefault(path, []).append(name)
        if resolved is None:
            continue
        published |= published_files(resolved)
        yield from _missing_weights(resolved)
        yield from _pretrained(resolved)
        carried = list(carried_files(resolved))
        yield from carried
        if not carried and not any(name in names_of_users for names_of_users in users.values()):
            yield Finding("data", name, OK, "it names no data folder and no weight file")
    for path, names_of_users in users.items():
        yield _state(path, names_of_users, published.get(path.key, ()), needed=bool(recipes))


def _missing_weights(resolved: ResolvedRecipe) -> Iterator[Finding]:
    """Components of a recipe that need pretrained weights but would start from random ones."""
    for problem in random_weights(resolved) if not resolved.get("pretrained") else ():
        finding = f"{problem.message}; expected: {problem.expected}"
        yield Finding("data", f"weights of {resolved.name}", PROBLEM, finding, problem.next_step or "")


def _pretrained(resolved: ResolvedRecipe) -> Iterator[Finding]:
    """The runs and files from which a recipe takes weights instead of training them."""
    from attnforge.storage.locating import locate_run

    for module, source in resolved.data()["pretrained"].items():
        place, use = Path(source.partition(":")[0]), f"`pretrained.{module}` of {resolved.name}"
        try:
            if not place.is_file():
                locate_run(place)
            yield Finding("data", str(place), OK, f"exists; {use}")
        except AttnforgeError as error:
            command = f'attnforge train {resolved.name} "pretrained.{module}=RUN"'
            yield Finding("data", str(place), PROBLEM, f"{error.problems[0].message}; {use}", command)


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


def _state(
    path: RecipePath, recipes: Sequence[str], published: Sequence[PublishedFile], *, needed: bool
) -> Finding:
    others = f" and {len(recipes) - 1} more" if len(recipes) > 1 else ""
    use = f"`{path.key}` of {recipes[0]}{others}"
    place = Path(path.path).expanduser()
    if not place.exists():
        state = PROBLEM if needed else WARNING
        files = f"; expected: {' or '.join(map(str, published))}" if published else ""
        return Finding("data", path.path, state, f"missing; {use}{files}", _next(path, recipes[0]))
    if published and place.is_file():
        return _identified(path, place, use, published)
    return Finding("data", path.path, OK, f"exists; {use}")


def _identified(path: RecipePath, place: Path, use: str, published: Sequence[PublishedFile]) -> Finding:
    """Whether a file of weights is one that was published for its option."""
    with place.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    for file in published:
        if digest.startswith(file.sha256):
            finding = f"exists, {file.name} of {file.origin} by its sha256; {use}"
            return Finding("data", path.path, OK, finding)
    files = " or ".join(map(str, published))
    finding = f"exists, sha256 {digest[:SHOWN_DIGITS]}..., which is none of those published: {files}; {use}"
    return Finding("data", path.path, WARNING, finding)


def _next(path: RecipePath, recipe: str) -> str:
    if path.key == "data.root" and path.use in ("cub", "coco"):
        return f"attnforge data prepare {path.use} {path.path}"
    return f"attnforge train {recipe} {path.key}=PATH"
