"""Plans the runs of a sweep's file: all are resolved before any is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attnforge.errors import Problem, RecipeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.library import RecipeFile, locate
from attnforge.recipe.node import Map, Node, Scalar, find
from attnforge.recipe.override import Assignment, read_override
from attnforge.sweep.budget import Limits, excesses, limits_of, parameters_of
from attnforge.sweep.encoders import EncoderPlanner, SharedEncoders
from attnforge.sweep.file import SweepFile, read_sweep
from attnforge.sweep.labels import RequestedRun, folder_name
from attnforge.sweep.requests import assignments_of, requested
from attnforge.sweep.seeding import Seed, read_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run of a sweep."""

    label: str
    configuration: str
    """The row of the table that it belongs to."""
    seed: int | None = None
    """The one of the sweep's `seeds` that it has."""
    folder: Path
    resolved: ResolvedRecipe
    """Its recipe, with the paths of shared and independent encoders."""
    digest: str
    """Digest of its recipe without these paths, so that the sweep's folder may be moved."""
    settings: dict[str, object]
    """The values that it overrides beyond those of all runs, by dotted key."""
    parameters: int | None = None
    """Parameters of its generator; None in a sweep without a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMeasurement:
    """Another measurement of the runs of a configuration; trains nothing."""

    configuration: str
    of: str | None
    """The configuration whose runs are measured; None for the one with the highest mean of a metric."""
    of_highest: str | None
    """That metric."""
    assignments: tuple[Assignment, ...]
    settings: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The runs of a sweep and its options."""

    name: str
    summary: str
    out: Path
    runs: tuple[PlannedRun, ...]
    measurements: tuple[PlannedMeasurement, ...] = ()
    configurations: tuple[str, ...]
    """Of runs and measurements, in the order of the table."""
    encoders: tuple[SharedEncoders, ...]
    """All that are trained or used, the independent ones last."""
    independent: Assignment | None = None
    """Gives a metric in `evaluation.metrics` the path of the independent encoders."""
    highest: str | None
    limits: Limits | None = None


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
    planner = _Planner(
        file=file,
        out=folder,
        plugins=plugins,
        problems=problems,
        shared=assignments_of(find(file.root, "set"), problems),
        from_command=[assignment for assignment in read if assignment],
    )
    plan = planner.plan()
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))  # one fault of the file may affect many runs
    return plan


@dataclass(kw_only=True)
class _Planner:
    """Resolves the recipes of a sweep's file, and collects what is wrong."""

    file: SweepFile
    out: Path
    plugins: PluginCatalogue
    problems: list[Problem]
    shared: list[Assignment]
    from_command: list[Assignment]
    encoders: list[SharedEncoders] = field(default_factory=list)
    resolvable: dict[str, tuple[RecipeFile, list[Assignment]]] = field(default_factory=dict)
    """The recipe and the assignments of each configuration that trains."""

    def plan(self) -> Plan:
        root = self.file.root
        recipe = self._recipe(find(root, "recipe"))
        requests = requested(self.file, self.problems)
        limits = limits_of(find(root, "budget"))
        own = [assignment for request in requests for assignment in request.assignments]
        seeds = read_seeds(find(root, "seeds"), [*self.shared, *self.from_command, *own], self.problems)
        section, common = find(root, "encoders"), [*self.shared, *self.from_command]
        shared = None
        if isinstance(section, Map):
            shared = self._add(
                self._encoders.shared(section, recipe, common, name="encoders", title="encoders for all runs")
            )
        independent_section = find(root, "independent")
        independent = None
        if isinstance(independent_section, Map):
            independent = self._encoders.independent(independent_section, recipe, common)
        path = _path_of(find(root, "independent"), independent)
        runs = [
            run
            for request in requests
            if not request.measures_only
            for run in self._runs(request, recipe, shared, path, seeds, limits)
        ]
        if independent is not None:
            self.encoders.append(independent)
        self._check_measurements(requests)
        # all configurations with the first seed come first, so that they can be compared early
        order = {seed.value: number for number, seed in enumerate(seeds)}
        runs.sort(key=lambda run: order[run.seed])
        return Plan(
            name=self.file.name,
            summary=self.file.text("summary") or "",
            out=self.out,
            runs=tuple(runs),
            measurements=tuple(_measurement(request) for request in requests if request.measures_only),
            configurations=tuple(request.label for request in requests),
            encoders=tuple(self.encoders),
            independent=path,
            highest=self.file.text("highest"),
            limits=limits,
        )

    @property
    def _encoders(self) -> EncoderPlanner:
        return EncoderPlanner(
            out=self.out, source=self.file.path, plugins=self.plugins, problems=self.problems
        )

    def _add(self, encoders: SharedEncoders | None) -> SharedEncoders | None:
        """Encoders to train, or the same ones that are trained already."""
        if encoders is None:
            return None
        for other in self.encoders:
            trained = None if other.resolved is None else other.resolved.digest
            expected = None if encoders.resolved is None else encoders.resolved.digest
            if trained == expected and (expected is not None or other.folder == encoders.folder):
                return other
        self.encoders.append(encoders)
        return encoders

    def _runs(
        self,
        request: RequestedRun,
        recipe: RecipeFile | None,
        shared: SharedEncoders | None,
        independent: Assignment | None,
        seeds: Sequence[Seed],
        limits: Limits | None,
    ) -> list[PlannedRun]:
        base = self._recipe(request.recipe) if request.recipe else recipe
        if base is None:
            return []
        common = [*self.shared, *request.assignments, *self.from_command]
        encoders = shared
        if isinstance(request.encoders, Map):
            name = f"encoders-{folder_name(request.label)}"
            title = f"encoders of {request.label}"
            encoders = self._add(
                self._encoders.shared(request.encoders, base, common, name=name, title=title)
            )
        self.resolvable[request.label] = (base, common)
        paths = [independent] if independent else []
        if encoders is not None:
            path = Scalar(str(encoders.folder), request.place)
            paths.append(Assignment(("pretrained", "encoders"), (request.place, request.place), path))
        runs = []
        for seed in seeds:
            assignments = [*common, *seed.assignments]
            if (own := self._resolve(base, assignments)) is None:
                return []
            self.problems += _without_metrics(own, request)
            resolved = self._resolve(base, [*assignments, *paths]) if paths else own
            if resolved is None:
                return []
            parameters = parameters_of(own) if limits else None
            if limits and not self.problems:  # encoders that were refused are not known to be shared
                self.problems += excesses(
                    limits, resolved, parameters, label=request.label, place=request.place
                )
            runs.append(
                PlannedRun(
                    label=seed.label(request.label),
                    configuration=request.label,
                    seed=seed.value,
                    folder=self.out / folder_name(seed.label(request.label)),
                    resolved=resolved,
                    digest=own.digest,
                    settings=request.settings,
                    parameters=parameters,
                )
            )
        return runs

    def _check_measurements(self, requests: Sequence[RequestedRun]) -> None:
        """Resolve what will be measured again, with the recipe of every configuration that it may be."""
        for request in requests:
            if not request.measures_only:
                continue
            of = _text(request.of)
            for base, assignments in [
                pair for label, pair in self.resolvable.items() if of is None or label == of
            ]:
                self._resolve(base, [*assignments, *request.assignments])

    def _recipe(self, node: Node | None) -> RecipeFile | None:
        text = _text(node)
        if node is None or text is None:
            return None
        located = locate(text, self.plugins, folder=self.file.path.parent, place=node.place)
        if isinstance(located, Problem):
            self.problems.append(located)
            return None
        return located

    def _resolve(self, recipe: RecipeFile, assignments: Sequence[Assignment]) -> ResolvedRecipe | None:
        try:
            return resolve(recipe.path, overrides=assignments, plugins=self.plugins)
        except RecipeError as error:
            self.problems += error.problems
            return None


def _measurement(request: RequestedRun) -> PlannedMeasurement:
    return PlannedMeasurement(
        configuration=request.label,
        of=_text(request.of),
        of_highest=_text(request.of_highest),
        assignments=request.assignments,
        settings=request.settings,
    )


def _path_of(section: Node | None, encoders: SharedEncoders | None) -> Assignment | None:
    """Gives the metric of an `independent:` section the path of its encoders."""
    metric = find(section, "metric") if isinstance(section, Map) else None
    name = _text(metric)
    if metric is None or name is None or encoders is None:
        return None
    steps = ("evaluation", "metrics", name, "encoders")
    return Assignment(steps, (metric.place,) * len(steps), Scalar(str(encoders.folder), metric.place))


def _text(node: Node | None) -> str | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _without_metrics(resolved: ResolvedRecipe, request: RequestedRun) -> list[Problem]:
    if resolved.data()["evaluation"]["metrics"]:
        return []
    message = f"`{request.label}` has no metrics, so there is nothing to compare"
    expected = "`set: {evaluation.metrics: {retrieval: r-precision}}` in the sweep, or a recipe with metrics"
    return [Problem("no-metrics", message, request.place, expected, "attnforge components metric")]
