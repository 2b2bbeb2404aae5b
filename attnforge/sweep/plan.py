"""Plans the runs of a sweep's file: all are resolved before any is trained."""

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
from attnforge.sweep.encoders import SharedEncoders, encoders_of
from attnforge.sweep.file import SweepFile, entries, read_sweep
from attnforge.sweep.labels import RequestedRun, folder_name, grid_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run of a sweep."""

    label: str
    folder: Path
    resolved: ResolvedRecipe
    """Its recipe, with the path of the shared encoders."""
    digest: str
    """Digest of its recipe without that path, so that the sweep's folder may be moved."""
    settings: dict[str, object]
    """The values that it overrides beyond those of all runs, by dotted key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The runs of a sweep and its options."""

    name: str
    summary: str
    out: Path
    runs: tuple[PlannedRun, ...]
    encoders: SharedEncoders | None
    highest: str | None


def plan_sweep(
    sweep: str | Path, *, overrides: Sequence[str] = (), out: Path | None = None, plugins: PluginCatalogue
) -> Plan:
    """Read a sweep and resolve the recipe of every run.

    Args:
        sweep: A sweep's name or the path of its file.
        overrides: `KEY=VALUE` each, applied to the recipe of every run.
        out: The sweep's folder; by default `runs/sweep-NAME`.
        plugins: The installed plugins, for their sweeps, recipes and components.

    Raises:
        RecipeError: with every problem of the file and of the resulting recipes.
    """
    problems: list[Problem] = []
    file = read_sweep(sweep, plugins, problems)
    if file is None or problems:
        raise RecipeError(problems)
    folder = out or Path("runs") / f"sweep-{file.name}"
    read = [read_override(text, number, problems) for number, text in enumerate(overrides, start=1)]
    from_command = [assignment for assignment in read if assignment]
    shared = _assignments(find(file.root, "set"), problems)
    recipe = _recipe(file, find(file.root, "recipe"), plugins, problems)
    encoders = encoders_of(
        file, recipe, [*shared, *from_command], out=folder, plugins=plugins, problems=problems
    )
    runs = []
    for request in _requested(file, problems):
        base = _recipe(file, request.recipe, plugins, problems) if request.recipe else recipe
        if base is None:
            continue
        assignments = [*shared, *request.assignments, *from_command]
        if (own := _resolve(base, assignments, plugins, problems)) is None:
            continue
        problems += _without_metrics(own, request)
        resolved = own
        if encoders is not None:
            path = Scalar(str(encoders.folder), request.place)
            places = (request.place, request.place)
            assignments.append(Assignment(("pretrained", "encoders"), places, path))
            resolved = resolve(base.path, overrides=assignments, plugins=plugins)
        runs.append(
            PlannedRun(
                label=request.label,
                folder=folder / folder_name(request.label),
                resolved=resolved,
                digest=own.digest,
                settings=request.settings,
            )
        )
    problems += _no_runs(file)
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))  # one fault of the file may affect many runs
    return Plan(
        name=file.name,
        summary=file.text("summary") or "",
        out=folder,
        runs=tuple(runs),
        encoders=encoders,
        highest=file.text("highest"),
    )


def _requested(file: SweepFile, problems: list[Problem]) -> list[RequestedRun]:
    grid: dict[str, tuple[Assignment, ...]] = {}
    for key, entry in entries(find(file.root, "grid")).items():
        values = entry.node.items if isinstance(entry.node, Items) else ()
        read = [assign(key, entry.key, value, problems) for value in values]
        grid[key] = tuple(assignment for assignment in read if assignment)
    label = find(file.root, "label")
    runs = [
        *_named(find(file.root, "baselines"), problems),
        *grid_runs(grid, label, problems),
        *_named(find(file.root, "also"), problems),
    ]
    labels: dict[str, str] = {}
    for run in runs:
        name = folder_name(run.label).lower()
        if name in labels or name in ("", "encoders"):
            other = f"`{labels[name]}`" if name in labels else "the sweep's own files"
            message = f"`{run.label}` has the same folder as {other}"
            expected = "another name, or a `label:` that differs in letters or digits for every run"
            problems.append(Problem("same-name", message, run.place, expected))
        labels[name] = run.label
    return runs


def _named(node: Node | None, problems: list[Problem]) -> list[RequestedRun]:
    runs = []
    for name, entry in entries(node).items():
        if isinstance(entry.node, Map):
            own = _assignments(find(entry.node, "set"), problems)
            recipe = find(entry.node, "recipe")
            runs.append(RequestedRun(label=name, place=entry.key, assignments=tuple(own), recipe=recipe))
    return runs


def _assignments(node: Node | None, problems: list[Problem]) -> list[Assignment]:
    listed: list[tuple[str, Entry]] = list(entries(node).items())
    read = [assign(key, entry.key, entry.node, problems) for key, entry in listed]
    return [assignment for assignment in read if assignment]


def _recipe(
    file: SweepFile, node: Node | None, plugins: PluginCatalogue, problems: list[Problem]
) -> RecipeFile | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    located = locate(node.value, plugins, folder=file.path.parent, place=node.place)
    if isinstance(located, Problem):
        problems.append(located)
        return None
    return located


def _resolve(
    recipe: RecipeFile, assignments: Sequence[Assignment], plugins: PluginCatalogue, problems: list[Problem]
) -> ResolvedRecipe | None:
    try:
        return resolve(recipe.path, overrides=assignments, plugins=plugins)
    except RecipeError as error:
        problems += error.problems
        return None


def _without_metrics(resolved: ResolvedRecipe, request: RequestedRun) -> list[Problem]:
    if resolved.data()["evaluation"]["metrics"]:
        return []
    message = f"`{request.label}` has no metrics, so there is nothing to compare"
    expected = "`set: {evaluation.metrics: {retrieval: r-precision}}` in the sweep, or a recipe with metrics"
    return [Problem("no-metrics", message, request.place, expected, "attnforge components metric")]


def _no_runs(file: SweepFile) -> list[Problem]:
    if any(entries(find(file.root, key)) for key in ("grid", "baselines", "also")):
        return []
    place = Place(file.root.place.source)
    return [Problem("empty-sweep", "the sweep has no runs", place, "a `grid:` or named runs in `also:`")]
