"""Protocols: what is measured and how, in a file of its own, so that systems can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from attnforge.build.assemble import live
from attnforge.errors import Place, Problem, RecipeError, nearest
from attnforge.interfaces import Build, Dataset
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.plugin.installing import install_command
from attnforge.ranges import ImageSide
from attnforge.recipe.decode import Decoder
from attnforge.recipe.library import RecipeText, is_file, shown
from attnforge.recipe.node import Map, Node, Scalar, find, plain
from attnforge.recipe.override import Assignment, Overrides, override
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.schema import Evaluation
from attnforge.recipe.source import Text, parse, read
from attnforge.recipe.tree import Section, choices, frozen

KEPT = frozenset({"every", "batch_size", "max_words", "truncate"})
"""Keys of `evaluation` that a run keeps unless a protocol sets them: how it computes and reads captions."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What is measured and how.

    Args:
        summary: One line for `attnforge protocols`.
        deviations: Where it differs from what others did under this name.
        packages: Packages beside attnforge that its components need.
        data: The images whose test split is compared with; by default a run's own data. For a run, the
            component must be that of its recipe, whose options are used.
        image_size: Side in pixels of the images; by default whatever is measured.
        evaluation: Captions, seeds and metrics, as in a recipe.
    """

    summary: str = ""
    deviations: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    data: Build[Dataset] | None = None
    image_size: ImageSide | None = None
    evaluation: Evaluation = field(default_factory=Evaluation)


@dataclass(frozen=True, slots=True)
class ResolvedProtocol:
    """A protocol that was read and decoded."""

    name: str
    root: Map
    tree: Section
    plugins: PluginCatalogue

    @property
    def live(self) -> Protocol:
        """As Python objects: slots are builders."""
        protocol: Protocol = live(self.tree)
        return protocol

    def data(self) -> dict[str, Any]:
        """With every default filled in, as plain data."""
        values: dict[str, Any] = frozen(self.tree)
        return values

    @property
    def dataset(self) -> str | None:
        """The name of its data set, if it has one."""
        return next((use.component.name for use in choices(self.tree) if use.path == "data"), None)

    def only(self, metrics: Sequence[str]) -> ResolvedProtocol:
        """The protocol with some of its metrics alone, whose name then names them; all when none is given.

        Raises:
            RecipeError: it has no such metric.
        """
        known = list(self.live.evaluation.metrics)
        if unknown := [name for name in metrics if name not in known]:
            raise RecipeError(unknown_metric(unknown[0], known, of=f"protocol {self.name}"))
        if not metrics:
            return self
        dropped = ", ".join(f"{name}: null" for name in known if name not in metrics)
        root = override(self.root, [f"evaluation.metrics={{{dropped}}}"], [])
        assert isinstance(root, Map)  # noqa: S101  (it was one before)
        tree = Decoder(self.plugins).section(Protocol, root, "")
        return ResolvedProtocol(f"{self.name}-{'-'.join(metrics)}", root, tree, self.plugins)

    def overrides(self, recipe: ResolvedRecipe) -> list[Assignment]:
        """What gives a recipe this protocol's evaluation in place of its own.

        Raises:
            RecipeError: the recipe has another data set.
        """
        own = recipe.component("data")
        if self.dataset is not None and own is not None and own.name != self.dataset:
            message = f"protocol {self.name} is of the data set `{self.dataset}`, the run of `{own.name}`"
            expected = "a protocol without data, such as `offline`, or one of the run's data set"
            raise RecipeError(Problem("protocol-data", message, None, expected, "attnforge protocols"))
        section = find(self.root, "evaluation")
        written = section.entries if isinstance(section, Map) else {}
        place = self.root.place
        defaults = Evaluation()
        values: dict[str, Node] = {
            option.name: Scalar(getattr(defaults, option.name), place)
            for option in fields(Evaluation)
            if option.name not in KEPT and option.name != "metrics"
        }
        values |= {name: entry.node for name, entry in written.items() if name != "metrics"}
        assignments = [_assigned((name,), node, place) for name, node in values.items()]
        metrics = find(self.root, "evaluation.metrics")
        named = metrics.entries if isinstance(metrics, Map) else {}
        nothing = Scalar(None, place)
        for name in recipe.data()["evaluation"]["metrics"]:
            assignments.append(_assigned(("metrics", name), nothing, place))
        # after the removal, so that no option of the recipe's metric stays in the protocol's of that name
        assignments += [_assigned(("metrics", name), entry.node, place) for name, entry in named.items()]
        return assignments


def _assigned(path: tuple[str, ...], value: Node, place: Place) -> Assignment:
    steps = ("evaluation", *path)
    return Assignment(steps, (place,) * len(steps), value)


def unknown_metric(name: str, known: Sequence[str], *, of: str) -> Problem:
    """The problem of a metric that a recipe or a protocol does not have."""
    close = nearest(name, known)
    expected = f"`{close}`; one of {', '.join(known)}" if close else f"one of {', '.join(known)}"
    return Problem("unknown-metric", f"{of} has no metric `{name}`", None, expected)


def shipped_protocols() -> Path:
    """The folder of attnforge's own protocols, in an installed package or in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "_protocols"
    return inside if inside.is_dir() else package.parent / "protocols"


def protocol_names() -> list[str]:
    """The protocols that have a name."""
    return sorted(path.stem for path in shipped_protocols().glob("*.yaml"))


def resolve_protocol(
    source: str | RecipeText, *, overrides: Overrides = (), plugins: PluginCatalogue | None = None
) -> ResolvedProtocol:
    """Read a protocol, apply overrides and decode it.

    Args:
        source: A protocol's name, the path of its file, or its text.
        overrides: `KEY=VALUE` each.
        plugins: Plugins that provide components; by default the installed ones.

    Raises:
        RecipeError: with every problem of the protocol.
    """
    plugins = plugins or load_plugins()
    problems: list[Problem] = []
    if isinstance(source, RecipeText):
        name = place = source.name
        node = parse(Text(place, source.text), problems)
    else:
        path = _locate(source)
        name, place = path.stem, shown(path)
        node = read(path, place, problems)
    if not isinstance(node, Map):
        if not problems:
            problems = [Problem("bad-yaml", f"{place} is not a map", None, "a map of `key: value`")]
        raise RecipeError(problems)
    root = override(node, overrides, problems)
    decoder = Decoder(plugins)
    if not isinstance(root, Map) or problems:
        raise RecipeError(problems)
    tree = decoder.section(Protocol, root, "")
    if decoder.problems:
        raise RecipeError([_with_packages(problem, root) for problem in decoder.problems])
    return ResolvedProtocol(name, root, tree, plugins)


def protocol_summaries() -> list[dict[str, object]]:
    """Name, data set and summary of each protocol that has a name; its components need not be installed."""
    rows: list[dict[str, object]] = []
    for name in protocol_names():
        path = shipped_protocols() / f"{name}.yaml"
        node = read(path, shown(path), [])
        assert isinstance(node, Map)  # noqa: S101  (the tests read every shipped protocol)
        values = {key: find(node, key) for key in ("data.use", "summary")}
        data, summary = (value.value if isinstance(value, Scalar) else None for value in values.values())
        rows.append({"name": name, "data": data, "summary": summary})
    return rows


def _with_packages(problem: Problem, root: Map) -> Problem:
    """The problem of a missing component with the command that installs what the protocol needs."""
    packages = find(root, "packages")
    if problem.code != "unknown-component" or packages is None:
        return problem
    values = plain(packages)
    names = [str(value) for value in values] if isinstance(values, list) else [str(values)]
    return replace(problem, next_step=install_command(*names))


def _locate(source: str) -> Path:
    if "/" in source or source.endswith((".yaml", ".yml")):
        path = Path(source)
        if is_file(path):
            return path
        raise RecipeError(_unknown(f"protocol file {source} not found", ()))
    names = protocol_names()
    if source in names:
        return shipped_protocols() / f"{source}.yaml"
    raise RecipeError(_unknown(f"no protocol is called `{source}`", names, close=nearest(source, names)))


def _unknown(message: str, names: Sequence[str], *, close: str | None = None) -> Problem:
    known = f"a path, or one of {', '.join(names)}" if names else "the path of a YAML file"
    expected = f"`{close}`; known: {', '.join(names)}" if close else known
    return Problem("unknown-protocol", message, None, expected, "attnforge protocols")
