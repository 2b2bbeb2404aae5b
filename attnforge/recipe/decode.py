"""Decodes a whole recipe, guided by the annotations of sections and components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from attnforge.errors import AttnforgeError, Place, Problem, nearest
from attnforge.plugin import KINDS, Component, PluginCatalogue
from attnforge.recipe.defaults import from_python
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar
from attnforge.recipe.options import MISSING, Option, options_of
from attnforge.recipe.override import FILE_KEYS
from attnforge.recipe.pins import read_pin
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import (
    EitherShape,
    ListShape,
    OptionalShape,
    SectionShape,
    Shape,
    SlotShape,
    TableShape,
    ValueShape,
    is_map,
)
from attnforge.recipe.tree import Choice, Decoded, Named, Section, Several, Value
from attnforge.recipe.unexpanded import unexpanded
from attnforge.recipe.values import decode_value, describe_value

RENAMED_KEYS = {"encoders": "pretrained: {encoders: RUN}"}
"""What replaced keys of recipes of version 0.1."""
MAX_PROBLEMS = 40
"""Problems of a recipe that are reported in full; the rest are counted."""
TEXTS = frozenset({"summary", "advice", "samples"})
"""Sections with texts for people, which are no paths."""


class Decoder:
    """Decodes nodes and collects what is wrong with them."""

    def __init__(self, plugins: PluginCatalogue) -> None:
        self.plugins = plugins
        self.omitted = 0
        self._problems: list[Problem] = []

    @property
    def problems(self) -> list[Problem]:
        """What is wrong; beyond `MAX_PROBLEMS`, the last problem counts the rest."""
        if not self.omitted:
            return self._problems
        message = f"the recipe has {self.omitted:,} more problems"
        return [*self._problems, Problem("more-problems", message)]

    def section(self, target: type, node: Map, path: str) -> Section:
        """A map as a dataclass."""
        what = f"section `{path}`" if path else "a recipe"
        extra = () if path else FILE_KEYS  # also known in a file, for suggestions when one is misspelled
        options = self._options(target, node.entries, node.place, path, what, extra=extra)
        return Section(target, options, written=True)

    def decode(self, shape: Shape, node: Node, path: str) -> Decoded | None:
        """A value of this shape, or None when there is a problem with it."""
        match shape:
            case ValueShape():
                problems: list[Problem] = []
                if path.partition(".")[0] not in TEXTS:
                    self._refuse_unexpanded(node, path)
                value = decode_value(shape.adapter, node, path, problems)
                self._add(problems)
                return value
            case OptionalShape():
                if isinstance(node, Scalar) and node.value is None:
                    return Value(None, None, written=True)
                return self.decode(shape.item, node, path)
            case SlotShape():
                return self._slot(shape.kind, node, path)
            case EitherShape():
                return self._either(shape, node, path)
            case SectionShape():
                if isinstance(node, Map):
                    return self.section(shape.target, node, path)
                self._wrong(node, path, f"a map of {', '.join(options_of(shape.target))}")
                return None
            case ListShape():
                if not isinstance(node, Items):
                    self._wrong(node, path, "a list")
                    return None
                items = [self.decode(shape.item, item, f"{path}.{n}") for n, item in enumerate(node.items)]
                return Several(tuple(item for item in items if item), shape.container, written=True)
            case TableShape():
                if not isinstance(node, Map):
                    self._wrong(node, path, "a map of names")
                    return None
                return self._table(shape, node, path)

    def _either(self, shape: EitherShape, node: Node, path: str) -> Decoded | None:
        if isinstance(node, Map):
            return self.decode(shape.section, node, path)
        if isinstance(node, Items) and shape.items is not None:
            return self.decode(shape.items, node, path)
        problems: list[Problem] = []
        value = decode_value(shape.value.adapter, node, path, problems)
        keys = f"a map of {', '.join(options_of(shape.section.target))}"
        self._add([replace(problem, expected=f"{problem.expected}, or {keys}") for problem in problems])
        return value

    def _table(self, shape: TableShape, node: Map, path: str) -> Named:
        entries = {}
        for name, entry in node.entries.items():
            # Null removes an entry of a parent recipe, which merging maps could not do otherwise.
            if isinstance(entry.node, Scalar) and entry.node.value is None:
                continue
            if decoded := self.decode(shape.item, entry.node, f"{path}.{name}"):
                entries[name] = decoded
        return Named(entries, written=True)

    def _slot(self, kind: str, node: Node, path: str) -> Choice | None:
        use = node.entries.get("use") if isinstance(node, Map) else None
        named = use.node if use else node
        if isinstance(node, Map) and use is None:
            expected = f"`use:` with one of {', '.join(self.plugins.registry.names(kind))}"
            message = f"`{path}` does not name its {kind}"
            self._problem("missing-use", message, node.place, expected, f"attnforge components {kind}")
            return None
        if not (isinstance(named, Scalar) and isinstance(named.value, str)):
            names = ", ".join(self.plugins.registry.names(kind))
            self._wrong(named, f"{path}.use" if use else path, f"the name of {_a(kind)}: {names}")
            return None
        pin = read_pin(named.value)
        if pin is None:
            message = f"`{path}` is {describe_value(named)}, which is not a valid version pin"
            expected = "a name alone, or a name, `@` and a version, such as `word@1`"
            self._problem("bad-pin", message, named.place, expected, f"attnforge components {kind}")
            return None
        try:
            component = self.plugins.registry.get(kind, pin[0])
            target = self.plugins.registry.load(component)
            entries = node.entries if isinstance(node, Map) else {}
            options = self._component_options(component, target, entries, node, path)
        except AttnforgeError as error:
            for problem in error.problems:
                message = f"`{path}`: {problem.message}"
                place = problem.place or named.place
                self._problem(problem.code, message, place, problem.expected, problem.next_step)
            return None
        provider = str(self.plugins.owner(component))
        return Choice(component, provider, target, options, path, named.place, written=True)

    def _component_options(
        self, component: Component, target: type, entries: Mapping[str, Entry], node: Node, path: str
    ) -> dict[str, Decoded]:
        options = {name: entry for name, entry in entries.items() if name != "use"}
        what = f"{component.kind} `{component.name}`"
        return self._options(target, options, node.place, path, what)

    def _options(
        self,
        target: type,
        entries: Mapping[str, Entry],
        place: Place,
        path: str,
        what: str,
        *,
        extra: Sequence[str] = (),
    ) -> dict[str, Decoded]:
        known = options_of(target)
        for name, entry in entries.items():
            if name not in known:
                self._unknown(name, entry, [*extra, *known], what, renamed=_renamed(target))
        decoded: dict[str, Decoded] = {}
        for name, option in known.items():
            below = f"{path}.{name}" if path else name
            value = self._option(option, entries.get(name), place, below, what)
            if value is not None:
                decoded[name] = value
        return decoded

    def _option(
        self, option: Option, entry: Entry | None, place: Place, path: str, what: str
    ) -> Decoded | None:
        if entry is not None and not _removes(entry.node, option):
            return self.decode(option.shape, entry.node, path)
        if option.default is not MISSING:
            return from_python(option.shape, option.default, path, self.plugins)
        kind = option.shape.kind if isinstance(option.shape, SlotShape) else None
        expected = f"{_a(kind)}: {KINDS[kind].summary}" if kind else option.summary or None
        step = f"attnforge components {kind}" if kind else None
        self._problem("missing-value", f"{what} needs `{option.name}`", place, expected, step)
        return None

    def _unknown(
        self, name: str, entry: Entry, known: list[str], what: str, *, renamed: Mapping[str, str]
    ) -> None:
        if len(self._problems) >= MAX_PROBLEMS:
            self.omitted += 1  # suggesting a name for each of thousands would take minutes
            return
        close = renamed.get(name) or nearest(name, known)
        names = ", ".join(known)
        alternatives = f"one of {names}" if known else "no options"
        expected = f"`{close}`; known keys: {names}" if close else alternatives
        self._problem("unknown-key", f"{what} has no `{name}`", entry.key, expected, None)

    def _refuse_unexpanded(self, node: Node, path: str) -> None:
        match node:
            case Map():
                for name, entry in node.entries.items():
                    self._refuse_unexpanded(entry.node, f"{path}.{name}")
            case Items():
                for index, item in enumerate(node.items):
                    self._refuse_unexpanded(item, f"{path}.{index}")
            case Scalar(value=str(text)) if (expanded := unexpanded(text)) is not None:
                message = f"`{path}` is {describe_value(node)}, which only a shell would expand"
                expected = f"`{expanded}`; or `./{text}` for a file with exactly that name"
                self._problem("not-expanded", message, node.place, expected, None)

    def _wrong(self, node: Node, path: str, expected: str) -> None:
        self._problem("wrong-type", f"`{path}` is {describe_value(node)}", node.place, expected, None)

    def _problem(self, code: str, message: str, place: Place, expected: str | None, step: str | None) -> None:
        self._add([Problem(code, message, place, expected, step)])

    def _add(self, problems: Sequence[Problem]) -> None:
        room = max(0, MAX_PROBLEMS - len(self._problems))
        self._problems += problems[:room]
        self.omitted += len(problems[room:])


def _removes(node: Node, option: Option) -> bool:
    """Whether null stands for the absence of a map, which an empty one could not remove from a parent."""
    is_null = isinstance(node, Scalar) and node.value is None
    return is_null and option.default is not MISSING and is_map(option.shape)


def _renamed(target: type) -> Mapping[str, str]:
    """What replaced former keys of a section or component."""
    if target is Recipe:
        return RENAMED_KEYS
    renamed: Mapping[str, str] = getattr(target, "renamed_options", {})
    return renamed


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
