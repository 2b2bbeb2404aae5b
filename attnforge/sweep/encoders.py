"""The encoders that all runs of a sweep share: those of an existing run, or trained once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from attnforge.build import assemble
from attnforge.build.builder import class_of
from attnforge.errors import Problem, RecipeError, RunError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import ResolvedRecipe, compose, resolve
from attnforge.recipe.library import RecipeFile, locate
from attnforge.recipe.node import Entry, Map, Scalar, find
from attnforge.recipe.override import Assignment, assign
from attnforge.storage.locating import locate_run
from attnforge.sweep.file import SweepFile, entries

SHARED_SECTIONS = frozenset({"data", "tokenizer", "text", "image", "training"})
"""Sections of the sweep's `set` that also apply to another recipe's encoders: words and widths must match."""


@dataclass(frozen=True, slots=True)
class SharedEncoders:
    """The run of the shared encoders."""

    folder: Path
    resolved: ResolvedRecipe | None
    """The recipe that trains them; None for an existing run."""


def encoders_of(
    file: SweepFile,
    recipe: RecipeFile | None,
    shared: Sequence[Assignment],
    *,
    out: Path,
    plugins: PluginCatalogue,
    problems: list[Problem],
) -> SharedEncoders | None:
    """The encoders of a sweep's `encoders:`; None when each run trains its own.

    Args:
        file: The sweep's file.
        recipe: The sweep's recipe, whose encoders are trained unless the file names another.
        shared: Assignments that apply to the recipes of all runs.
        out: The sweep's folder.
        plugins: The installed plugins, for their recipes and components.
        problems: Problems found so far; appended to.
    """
    section = find(file.root, "encoders")
    if not isinstance(section, Map):
        return None
    run, other = find(section, "run"), find(section, "recipe")
    if isinstance(run, Scalar) and isinstance(run.value, str):
        try:
            locate_run(Path(run.value))
        except RunError as error:
            problems += [replace(problem, place=run.place) for problem in error.problems]
        return SharedEncoders(Path(run.value), None)
    base = recipe
    if isinstance(other, Scalar) and isinstance(other.value, str):
        located = locate(other.value, plugins, folder=file.path.parent, place=other.place)
        if isinstance(located, Problem):
            problems.append(located)
            return None
        base = located
    if base is None:
        return None
    listed: list[tuple[str, Entry]] = list(entries(find(section, "set")).items())
    own = [assign(key, entry.key, entry.node, problems) for key, entry in listed]
    same = recipe is not None and base.path.resolve() == recipe.path.resolve()
    try:
        applicable = shared if same else _applicable(shared, base, plugins)
        assignments = [*applicable, *(assignment for assignment in own if assignment)]
        resolved = _only_encoders(base, assignments, section, plugins)
    except RecipeError as error:
        problems += error.problems
        return None
    return SharedEncoders(out / "encoders", resolved)


def _applicable(shared: Sequence[Assignment], base: RecipeFile, plugins: PluginCatalogue) -> list[Assignment]:
    """The assignments that apply to the encoders' recipe; any of another phase would create part of one."""
    phases = compose(base.path, plugins=plugins).plain().get("phases")
    names = phases.keys() if isinstance(phases, dict) else ()
    return [
        assignment
        for assignment in shared
        if assignment.steps[0] in SHARED_SECTIONS
        or (assignment.steps[0] == "phases" and len(assignment.steps) > 1 and assignment.steps[1] in names)
    ]


def _only_encoders(
    base: RecipeFile, assignments: Sequence[Assignment], section: Map, plugins: PluginCatalogue
) -> ResolvedRecipe:
    """The recipe without the phases that train more than encoders."""
    complete = resolve(base.path, overrides=assignments, plugins=plugins)
    phases = assemble(complete).phases
    others = [name for name, phase in phases.items() if class_of(phase.task).needs]
    if len(others) == len(phases):
        message = f"recipe `{base.name}` has no phase that trains only encoders"
        expected = "a recipe with such a phase, for example of the task `damsm`"
        raise RecipeError(Problem("no-encoder-phase", message, section.place, expected, "attnforge recipes"))
    if not others:
        return complete
    # an assignment below a phase that is dropped would bring it back
    kept = [
        assignment
        for assignment in assignments
        if assignment.steps[0] != "phases" or not set(assignment.steps[1:2]) & set(others)
    ]
    null, place = Scalar(None, section.place), section.place
    dropped = [Assignment(("phases", name), (place, place), null) for name in others]
    return resolve(base.path, overrides=[*kept, *dropped], plugins=plugins)
