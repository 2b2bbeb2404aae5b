"""The encoders that all runs of a sweep share: those of a run that exists, or trained once."""

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
from attnforge.run.locating import locate_run
from attnforge.run.sweep.file import SweepFile, entries

SHARED = frozenset({"data", "tokenizer", "text", "image", "training"})
"""Sections that encoders of another recipe take over from the sweep: words and widths must be the same."""


@dataclass(frozen=True, slots=True)
class SharedEncoders:
    """Where the encoders are."""

    folder: Path
    resolved: ResolvedRecipe | None
    """What trains them; None when they are there already."""


def encoders_of(
    file: SweepFile,
    recipe: RecipeFile | None,
    shared: Sequence[Assignment],
    *,
    out: Path,
    plugins: PluginCatalogue,
    problems: list[Problem],
) -> SharedEncoders | None:
    """What `encoders:` of a sweep asks for; None when each run trains its own.

    Args:
        file: The sweep's file.
        recipe: The sweep's recipe, whose encoders are trained when the file names no other.
        shared: What all runs lay over their recipes.
        out: The sweep's folder.
        plugins: Whose recipes and components there are.
        problems: Gathers what is wrong.
    """
    wanted = find(file.root, "encoders")
    if not isinstance(wanted, Map):
        return None
    run, named = find(wanted, "run"), find(wanted, "recipe")
    if isinstance(run, Scalar) and isinstance(run.value, str):
        try:
            locate_run(Path(run.value))
        except RunError as error:
            problems += [replace(problem, place=run.place) for problem in error.problems]
        return SharedEncoders(Path(run.value), None)
    base = recipe
    if isinstance(named, Scalar) and isinstance(named.value, str):
        found = locate(named.value, plugins, folder=file.path.parent, place=named.place)
        if isinstance(found, Problem):
            problems.append(found)
            return None
        base = found
    if base is None:
        return None
    listed: list[tuple[str, Entry]] = list(entries(find(wanted, "set")).items())
    read = [assign(key, entry.key, entry.node, problems) for key, entry in listed]
    same = recipe is not None and base.path.resolve() == recipe.path.resolve()
    try:
        laid = [*_taken_over(shared, base, plugins, all_of_them=same), *(one for one in read if one)]
        resolved = _only_encoders(base, laid, wanted, plugins)
    except RecipeError as error:
        problems += error.problems
        return None
    return SharedEncoders(out / "encoders", resolved)


def _taken_over(
    shared: Sequence[Assignment], base: RecipeFile, plugins: PluginCatalogue, *, all_of_them: bool
) -> list[Assignment]:
    """What the encoders' recipe takes over: phases of other names would be new and half there."""
    if all_of_them:
        return list(shared)
    phases = compose(base.path, plugins=plugins).plain().get("phases")
    names = phases.keys() if isinstance(phases, dict) else ()
    return [
        one
        for one in shared
        if one.steps[0] in SHARED
        or (one.steps[0] == "phases" and len(one.steps) > 1 and one.steps[1] in names)
    ]


def _only_encoders(
    base: RecipeFile, laid: Sequence[Assignment], wanted: Map, plugins: PluginCatalogue
) -> ResolvedRecipe:
    """The recipe without the phases that train more than encoders."""
    whole = resolve(base.path, overrides=laid, plugins=plugins)
    phases = assemble(whole).phases
    others = [name for name, phase in phases.items() if class_of(phase.task).needs]
    if len(others) == len(phases):
        message = f"recipe `{base.name}` has no phase that trains encoders alone"
        expected = "a recipe with such a phase, such as that of the task `damsm`"
        raise RecipeError(Problem("no-encoder-phase", message, wanted.place, expected, "attnforge recipes"))
    if not others:
        return whole
    # a value laid below a phase that is dropped would bring it back
    kept = [one for one in laid if one.steps[0] != "phases" or not set(one.steps[1:2]) & set(others)]
    nothing, place = Scalar(None, wanted.place), wanted.place
    dropped = [Assignment(("phases", name), (place, place), nothing) for name in others]
    return resolve(base.path, overrides=[*kept, *dropped], plugins=plugins)
