"""Resolves a frozen recipe for something that needs only some of its parts, such as generating images.

A run that is copied to another machine is used there without the plugins of its metrics, losses or trackers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from attnforge.errors import Place, Problem, RecipeError
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.recipe.compose import ComposedRecipe, gather
from attnforge.recipe.decode import Decoder
from attnforge.recipe.library import RecipeSource
from attnforge.recipe.lock import check_lock
from attnforge.recipe.node import Items, Map, Node, Scalar, find, plain
from attnforge.recipe.override import Overrides
from attnforge.recipe.pins import read_pin
from attnforge.recipe.requires import Required, unmet
from attnforge.recipe.resolve import BLOCKING, checked, phase_problems
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import Shape, SlotShape
from attnforge.recipe.skipped import SkippedPart, skipping_notes
from attnforge.recipe.tree import Decoded, Value, choices

TOKENIZING = frozenset({"tokenizer"})
"""The section that splitting captions into tokens needs."""
GENERATING = TOKENIZING | {"text", "generator", "sampling"}
"""The sections that generating images needs."""


def resolve_needed(
    lock: RecipeSource,
    *,
    needed: frozenset[str],
    overrides: Overrides = (),
    plugins: PluginCatalogue | None = None,
    warn: Callable[[str], None],
) -> ResolvedRecipe:
    """Resolve a frozen recipe like `resolve`, without what other sections would need to be loaded.

    A part of another section that cannot be loaded here is a `SkippedPart`: building it raises. Checks of
    plugins, which see whole recipes, are made only where nothing is skipped; the recipe passed them before
    it was trained.

    Args:
        lock: A frozen recipe.
        needed: The sections whose parts must load.
        overrides: `KEY=VALUE` each, with a dotted key and a YAML value.
        plugins: Plugins that provide components; by default the installed ones.
        warn: Called for what is skipped.

    Raises:
        RecipeError: with every problem of the needed sections.
    """
    plugins = plugins or load_plugins()
    problems: list[Problem] = []
    composed = gather(lock, overrides, plugins, problems)
    if composed is None or any(problem.code not in BLOCKING for problem in problems):
        raise RecipeError(problems)
    missing = _Missing(composed, problems)
    if demanded := missing.demanded(needed):
        raise RecipeError(demanded)
    decoder = _NeededDecoder(plugins, needed, missing)
    tree = decoder.section(Recipe, composed.root, "")
    problems = [*decoder.problems, *phase_problems(composed.root)]
    if composed.lock is not None:
        of_needed = [choice for choice in choices(tree) if _section(choice.path) in needed]
        problems += check_lock(composed.lock, of_needed, plugins)
    if problems:
        raise RecipeError(problems)
    notes = [*skipping_notes(decoder.skipped), *missing.unplaced()]
    for note in notes:
        warn(note)
    resolved = ResolvedRecipe(composed, tree, plugins)
    if decoder.skipped:
        return replace(resolved, skipped=tuple(decoder.skipped))
    return checked(resolved)


class _Missing:
    """What a frozen recipe lacks on this machine: packages, and versions of components.

    Args:
        composed: The recipe.
        migrating: Problems of components in other versions.
    """

    def __init__(self, composed: ComposedRecipe, migrating: Sequence[Problem]) -> None:
        self.root = composed.root
        self.lock = composed.lock
        self._migrating = migrating
        self._unmet = [(_name(required), unmet([required])) for required in composed.requires]

    def demanded(self, needed: frozenset[str]) -> list[Problem]:
        """The problems of needed sections, and those of attnforge itself."""
        nodes = [entry.node for name, entry in self.root.entries.items() if name in needed]
        others = [entry.node for name, entry in self.root.entries.items() if name not in needed]
        of_others = {place for node in others for place in _places(node)}
        migrating = [problem for problem in self._migrating if problem.place not in of_others]
        return [*self._packages(nodes, always={"attnforge"}), *migrating]

    def of(self, node: Node) -> list[Problem]:
        """The problems of one part."""
        places = set(_places(node))
        return [
            *self._packages([node]),
            *(problem for problem in self._migrating if problem.place in places),
        ]

    def unplaced(self) -> Iterator[str]:
        """A note for each missing package that provides none of the recipe's components."""
        providers = {self._provider(key) for key in self._components()}
        for name, problems in self._unmet:
            if name not in providers:
                yield from (problem.message for problem in problems)

    def _packages(self, nodes: Iterable[Node], *, always: Iterable[str] = ()) -> list[Problem]:
        """Problems of the packages that provide components named in `nodes`."""
        names = {pin[0] for node in nodes for pin in _pins(node)}
        providers = {self._provider(key) for key in self._components() if key.partition("/")[2] in names}
        providers.update(always)
        return [problem for name, problems in self._unmet if name in providers for problem in problems]

    def _components(self) -> Iterable[str]:
        components = find(self.lock, "components") if self.lock is not None else None
        return components.entries if isinstance(components, Map) else ()

    def _provider(self, key: str) -> str | None:
        assert self.lock is not None  # noqa: S101  (it has the key)
        node = find(self.lock, f"components.{key}.distribution")
        return canonicalize_name(str(node.value)) if isinstance(node, Scalar) else None


class _NeededDecoder(Decoder):
    """Decodes a recipe, and skips parts outside of the needed sections that cannot be loaded.

    Args:
        plugins: The plugins that provide components.
        needed: The sections whose parts must load.
        missing: What the recipe lacks on this machine.
    """

    def __init__(self, plugins: PluginCatalogue, needed: frozenset[str], missing: _Missing) -> None:
        super().__init__(plugins)
        self.skipped: list[SkippedPart] = []
        self._needed = needed
        self._missing = missing

    def decode(self, shape: Shape, node: Node, path: str) -> Decoded | None:
        """A value of this shape, a skipped part, or None when there is a problem with a needed one."""
        if not isinstance(shape, SlotShape) or _section(path) in self._needed:
            return super().decode(shape, node, path)
        problems = self._missing.of(node)
        if not problems:
            decoder = Decoder(self.plugins)
            part = decoder.decode(shape, node, path)
            problems = list(decoder.problems)
            if part is not None and self._missing.lock is not None:
                problems += check_lock(self._missing.lock, choices(part), self.plugins)
            if not problems:
                return part
        skipped = SkippedPart(path, tuple(problems))
        self.skipped.append(skipped)
        return Value(skipped, plain(node), written=True)


def _section(path: str) -> str:
    return path.partition(".")[0]


def _name(required: Required) -> str:
    return canonicalize_name(required.requirement.name)


def _scalars(node: Node) -> Iterator[Scalar]:
    match node:
        case Map():
            for entry in node.entries.values():
                yield from _scalars(entry.node)
        case Items():
            for item in node.items:
                yield from _scalars(item)
        case Scalar():
            yield node


def _places(node: Node) -> Iterator[Place]:
    return (scalar.place for scalar in _scalars(node))


def _pins(node: Node) -> Iterator[tuple[str, int]]:
    """The components that a part of a frozen recipe names, which are pinned there; other texts look alike."""
    for scalar in _scalars(node):
        pin = read_pin(scalar.value) if isinstance(scalar.value, str) else None
        if pin is not None and pin[1] is not None:
            yield pin[0], pin[1]
