"""The encoders that runs of a sweep share: those of an existing run, or trained once."""

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
from attnforge.sweep.file import entries

SHARED_SECTIONS = frozenset({"data", "tokenizer", "text", "image", "training"})
"""Sections of the sweep's `set` that also apply to another recipe's encoders: words and widths must match."""
INDEPENDENT_SECTIONS = frozenset({"data", "training"})
"""Those that apply to independent encoders, which share nothing with the runs but what they read."""


@dataclass(frozen=True, slots=True)
class SharedEncoders:
    """The run of shared encoders."""

    title: str
    folder: Path
    resolved: ResolvedRecipe | None
    """The recipe that trains them; None for an existing run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderPlanner:
    """Reads the sections of a sweep's file that describe encoders.

    Args:
        out: The sweep's folder.
        source: The sweep's file, to which paths of recipes are relative.
        plugins: The installed plugins, for their recipes and components.
        problems: Problems found so far; appended to.
    """

    out: Path
    source: Path
    plugins: PluginCatalogue
    problems: list[Problem]

    def shared(
        self,
        section: Map,
        recipe: RecipeFile | None,
        assignments: Sequence[Assignment],
        *,
        name: str,
        title: str,
    ) -> SharedEncoders | None:
        """The encoders of an `encoders:` section; None when there are problems.

        Args:
            section: The section.
            recipe: The recipe whose encoders are trained unless the section names another.
            assignments: Those of the runs that share them.
            name: The name of their folder.
            title: Their name in progress lines.
        """
        base = self._base(section, recipe)
        same = base is not None and recipe is not None and base.path.resolve() == recipe.path.resolve()
        sections = None if same else SHARED_SECTIONS
        return self._encoders(section, base, assignments, sections, name=name, title=title)

    def independent(
        self, section: Map, recipe: RecipeFile | None, assignments: Sequence[Assignment]
    ) -> SharedEncoders | None:
        """The encoders of an `independent:` section; None when there are problems.

        Args:
            section: The section.
            recipe: The recipe whose encoders are trained unless the section names another.
            assignments: Those of the runs that they measure.
        """
        others = [assignment for assignment in assignments if assignment.key != "training.seed"]
        title, name = "independent encoders", "independent-encoders"
        base = self._base(section, recipe)
        return self._encoders(section, base, others, INDEPENDENT_SECTIONS, name=name, title=title)

    def _base(self, section: Map, recipe: RecipeFile | None) -> RecipeFile | None:
        other = find(section, "recipe")
        if not (isinstance(other, Scalar) and isinstance(other.value, str)):
            return recipe
        located = locate(other.value, self.plugins, folder=self.source.parent, place=other.place)
        if isinstance(located, Problem):
            self.problems.append(located)
            return None
        return located

    def _encoders(
        self,
        section: Map,
        base: RecipeFile | None,
        assignments: Sequence[Assignment],
        sections: frozenset[str] | None,
        *,
        name: str,
        title: str,
    ) -> SharedEncoders | None:
        run = find(section, "run")
        if isinstance(run, Scalar) and isinstance(run.value, str):
            try:
                locate_run(Path(run.value))
            except RunError as error:
                self.problems.extend(replace(problem, place=run.place) for problem in error.problems)
            return SharedEncoders(title, Path(run.value), None)
        if base is None:
            return None
        listed: list[tuple[str, Entry]] = list(entries(find(section, "set")).items())
        own = [assign(key, entry.key, entry.node, self.problems) for key, entry in listed]
        try:
            chosen = assignments if sections is None else self._applicable(assignments, base, sections)
            every = [*chosen, *(assignment for assignment in own if assignment)]
            resolved = _only_encoders(base, every, section, self.plugins)
        except RecipeError as error:
            self.problems.extend(error.problems)
            return None
        return SharedEncoders(title, self.out / name, resolved)

    def _applicable(
        self, assignments: Sequence[Assignment], base: RecipeFile, sections: frozenset[str]
    ) -> list[Assignment]:
        """Those that apply to the encoders' recipe; any of another phase would create part of one."""
        phases = compose(base.path, plugins=self.plugins).plain().get("phases")
        names = phases.keys() if isinstance(phases, dict) and sections >= SHARED_SECTIONS else ()
        return [
            assignment
            for assignment in assignments
            if assignment.steps[0] in sections
            or (
                assignment.steps[0] == "phases" and len(assignment.steps) > 1 and assignment.steps[1] in names
            )
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
