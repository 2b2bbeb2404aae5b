"""From a sweep's file to the runs that it asks for, every one resolved before any is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.errors import Place, Problem, RecipeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.library import RecipeFile, locate
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, find
from attnforge.recipe.override import Assignment, assign, read_override
from attnforge.run.sweep.encoders import SharedEncoders, encoders_of
from attnforge.run.sweep.file import SweepFile, entries, read_sweep
from attnforge.run.sweep.labels import Wanted, folder_name, grid_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run of a sweep."""

    label: str
    folder: Path
    resolved: ResolvedRecipe
    """Its recipe, with the place of the shared encoders."""
    digest: str
    """Of its recipe without that place: what the run decides, wherever the sweep's folder lies."""
    settings: dict[str, object]
    """What it changes in its recipe beyond what all runs change, by dotted key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a sweep will do."""

    name: str
    summary: str
    out: Path
    runs: tuple[PlannedRun, ...]
    encoders: SharedEncoders | None
    highest: str | None


def plan_sweep(
    wanted: str | Path, *, overrides: Sequence[str] = (), out: Path | None = None, plugins: PluginCatalogue
) -> Plan:
    """Read a sweep and resolve the recipe of every run.

    Args:
        wanted: A sweep's name or the path of its file.
        overrides: `KEY=VALUE` each, laid over the recipe of every run.
        out: The sweep's folder; `runs/sweep-NAME` when not given.
        plugins: Whose sweeps, recipes and components there are.

    Raises:
        RecipeError: with every problem of the file and of each recipe that it gives.
    """
    problems: list[Problem] = []
    file = read_sweep(wanted, plugins, problems)
    if file is None or problems:
        raise RecipeError(problems)
    folder = out or Path("runs") / f"sweep-{file.name}"
    read = [read_override(text, number, problems) for number, text in enumerate(overrides, start=1)]
    typed = [one for one in read if one]
    shared = _assignments(find(file.root, "set"), problems)
    recipe = _recipe(file, find(file.root, "recipe"), plugins, problems)
    encoders = encoders_of(file, recipe, [*shared, *typed], out=folder, plugins=plugins, problems=problems)
    runs = []
    for wish in _wanted(file, problems):
        base = _recipe(file, wish.recipe, plugins, problems) if wish.recipe else recipe
        if base is None:
            continue
        laid = [*shared, *wish.assignments, *typed]
        if (found := _resolve(base, laid, plugins, problems)) is None:
            continue
        problems += _unmeasured(found, wish)
        resolved = found
        if encoders is not None:
            place = Assignment(("encoders",), (wish.place,), Scalar(str(encoders.folder), wish.place))
            resolved = resolve(base.path, overrides=[*laid, place], plugins=plugins)
        runs.append(
            PlannedRun(
                label=wish.label,
                folder=folder / folder_name(wish.label),
                resolved=resolved,
                digest=found.digest,
                settings=wish.settings,
            )
        )
    problems += _no_runs(file)
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))  # one fault of the file shows in many runs
    return Plan(
        name=file.name,
        summary=file.text("summary") or "",
        out=folder,
        runs=tuple(runs),
        encoders=encoders,
        highest=file.text("highest"),
    )


def _wanted(file: SweepFile, problems: list[Problem]) -> list[Wanted]:
    grid: dict[str, tuple[Assignment, ...]] = {}
    for key, entry in entries(find(file.root, "grid")).items():
        values = entry.node.items if isinstance(entry.node, Items) else ()
        read = [assign(key, entry.key, value, problems) for value in values]
        grid[key] = tuple(one for one in read if one)
    label = find(file.root, "label")
    found = [
        *_named(find(file.root, "baselines"), problems),
        *grid_runs(grid, label, problems),
        *_named(find(file.root, "also"), problems),
    ]
    seen: dict[str, str] = {}
    for wish in found:
        name = folder_name(wish.label).lower()
        if name in seen or name in ("", "encoders"):
            other = f"`{seen[name]}`" if name in seen else "the sweep's own files"
            message = f"`{wish.label}` cannot be told from {other} by its folder"
            expected = "another name, or a `label:` that differs in letters or digits for every run"
            problems.append(Problem("same-name", message, wish.place, expected))
        seen[name] = wish.label
    return found


def _named(node: Node | None, problems: list[Problem]) -> list[Wanted]:
    found = []
    for name, entry in entries(node).items():
        if isinstance(entry.node, Map):
            below = _assignments(find(entry.node, "set"), problems)
            recipe = find(entry.node, "recipe")
            found.append(Wanted(label=name, place=entry.key, assignments=tuple(below), recipe=recipe))
    return found


def _assignments(node: Node | None, problems: list[Problem]) -> list[Assignment]:
    listed: list[tuple[str, Entry]] = list(entries(node).items())
    read = [assign(key, entry.key, entry.node, problems) for key, entry in listed]
    return [one for one in read if one]


def _recipe(
    file: SweepFile, node: Node | None, plugins: PluginCatalogue, problems: list[Problem]
) -> RecipeFile | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    found = locate(node.value, plugins, folder=file.path.parent, place=node.place)
    if isinstance(found, Problem):
        problems.append(found)
        return None
    return found


def _resolve(
    recipe: RecipeFile, laid: Sequence[Assignment], plugins: PluginCatalogue, problems: list[Problem]
) -> ResolvedRecipe | None:
    try:
        return resolve(recipe.path, overrides=laid, plugins=plugins)
    except RecipeError as error:
        problems += error.problems
        return None


def _unmeasured(resolved: ResolvedRecipe, wish: Wanted) -> list[Problem]:
    if resolved.data()["evaluation"]["metrics"]:
        return []
    message = f"`{wish.label}` measures nothing, so there is nothing to compare"
    expected = "`set: {evaluation.metrics: {retrieval: r-precision}}` in the sweep, or a recipe with metrics"
    return [Problem("no-metrics", message, wish.place, expected, "attnforge components metric")]


def _no_runs(file: SweepFile) -> list[Problem]:
    if any(entries(find(file.root, key)) for key in ("grid", "baselines", "also")):
        return []
    place = Place(file.root.place.source)
    return [Problem("empty-sweep", "the sweep asks for no run", place, "a `grid:` or named runs in `also:`")]
