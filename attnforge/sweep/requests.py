"""The configurations that a sweep's file requests, before their recipes are resolved."""

from __future__ import annotations

from attnforge.errors import Place, Problem, nearest
from attnforge.evaluate.evaluating import CHANGEABLE
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, find
from attnforge.recipe.override import Assignment, assign
from attnforge.sweep.file import SweepFile, entries
from attnforge.sweep.labels import RequestedRun, folder_name, grid_runs

RESERVED = ("", "encoders", "independent-encoders")
"""Folder names that no configuration may have."""


def requested(file: SweepFile, problems: list[Problem]) -> list[RequestedRun]:
    """The configurations in the order of the table.

    Args:
        file: The sweep's file.
        problems: Problems found so far; appended to.
    """
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
    problems += _same_names(runs)
    problems += _invalid_measurements(runs)
    if not runs:
        place = Place(file.root.place.source)
        expected = "a `grid:` or named runs in `also:`"
        problems.append(Problem("empty-sweep", "the sweep has no runs", place, expected))
    return runs


def assignments_of(node: Node | None, problems: list[Problem]) -> list[Assignment]:
    """The assignments of a `set:` section."""
    listed: list[tuple[str, Entry]] = list(entries(node).items())
    read = [assign(key, entry.key, entry.node, problems) for key, entry in listed]
    return [assignment for assignment in read if assignment]


def _named(node: Node | None, problems: list[Problem]) -> list[RequestedRun]:
    return [
        RequestedRun(
            label=name,
            place=entry.key,
            assignments=tuple(assignments_of(find(entry.node, "set"), problems)),
            recipe=find(entry.node, "recipe"),
            encoders=find(entry.node, "encoders"),
            of=find(entry.node, "of"),
            of_highest=find(entry.node, "of_highest"),
        )
        for name, entry in entries(node).items()
        if isinstance(entry.node, Map)
    ]


def _same_names(runs: list[RequestedRun]) -> list[Problem]:
    problems = []
    labels: dict[str, str] = {}
    for run in runs:
        name = folder_name(run.label).lower()
        if name in labels or name in RESERVED or name.startswith("encoders-"):
            other = f"`{labels[name]}`" if name in labels else "the sweep's own files"
            message = f"`{run.label}` has the same folder as {other}"
            expected = "another name, or a `label:` that differs in letters or digits for every run"
            problems.append(Problem("same-name", message, run.place, expected))
        labels[name] = run.label
    return problems


def _invalid_measurements(runs: list[RequestedRun]) -> list[Problem]:
    """What is wrong with configurations that measure the runs of others."""
    problems = []
    trained = [run.label for run in runs if not run.measures_only]
    for run in runs:
        if not run.measures_only:
            continue
        excluded = {"recipe": run.recipe, "encoders": run.encoders}
        if run.of is not None and run.of_highest is not None:
            excluded["of_highest"] = run.of_highest
        problems += [
            Problem(
                "measures-only",
                f"`{run.label}` measures runs of another configuration, so it cannot have `{key}`",
                node.place,
                "`of` or `of_highest`, with `set` for values that differ",
            )
            for key, node in excluded.items()
            if node is not None
        ]
        for assignment in run.assignments:
            if assignment.steps[0] not in CHANGEABLE:
                message = f"`{assignment.key}` cannot differ where nothing is trained"
                expected = f"a key of {', '.join(f'`{section}`' for section in CHANGEABLE)}"
                problems.append(Problem("measures-only", message, assignment.places[0], expected))
        if isinstance(run.of, Scalar) and run.of.value not in trained:
            text = str(run.of.value)
            close = nearest(text, trained)
            known = ", ".join(trained) or "none"
            expected = f"`{close}`; those that are trained: {known}" if close else f"one of: {known}"
            message = f"`of` names `{text}`, which is not a configuration that is trained"
            problems.append(Problem("unknown-configuration", message, run.of.place, expected))
    return problems
