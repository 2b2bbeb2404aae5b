"""Composes a recipe from its file, parents and overrides, without its components; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attnforge.errors import Place, Problem, RecipeError
from attnforge.names import is_file_name
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.recipe.library import RecipeFile, RecipeSource, RecipeText, locate, shown
from attnforge.recipe.merge import merge
from attnforge.recipe.migrate import migrate
from attnforge.recipe.node import Entry, Map, Node, Scalar, find, plain
from attnforge.recipe.override import FILE_KEYS, Overrides, override
from attnforge.recipe.requires import Required, read_requires
from attnforge.recipe.scalars import write
from attnforge.recipe.source import Text, parse, read


@dataclass(frozen=True, slots=True)
class ComposedRecipe:
    """A recipe merged with its parents and overrides."""

    name: str
    root: Map
    """Everything but `extends`, `lock` and `requires`."""
    lock: Node | None = None
    """The `lock:` of a frozen recipe."""
    requires: tuple[Required, ...] = ()
    """The packages that the recipe and its parents require."""

    def plain(self) -> dict[str, object]:
        """The merged recipe as written, without defaults."""
        data = plain(self.root)
        assert isinstance(data, dict)  # noqa: S101  (a Map gives a dict)
        lines = list(dict.fromkeys(str(required) for required in self.requires))
        return {"requires": lines, **data} if lines else data

    def text(self) -> str:
        """The merged recipe as YAML."""
        return write(self.plain())


def compose(
    source: RecipeSource, *, overrides: Overrides = (), plugins: PluginCatalogue | None = None
) -> ComposedRecipe:
    """Read a recipe with its parents and apply the overrides.

    Args:
        source: A recipe's name, the path of its file, or its text.
        overrides: `KEY=VALUE` each, with a dotted key and a YAML value.
        plugins: Plugins whose recipes can be named; by default the installed ones.

    Raises:
        RecipeError: with every problem of the recipe.
    """
    problems: list[Problem] = []
    composed = gather(source, overrides, plugins or load_plugins(), problems)
    if problems or composed is None:
        raise RecipeError(problems)
    return composed


def gather(
    source: RecipeSource, overrides: Overrides, plugins: PluginCatalogue, problems: list[Problem]
) -> ComposedRecipe | None:
    """Like `compose`, but collects problems; None when a file of the recipe cannot be used at all."""
    recipe = source if isinstance(source, RecipeText) else locate(source, plugins, folder=Path())
    if isinstance(recipe, Problem):
        problems.append(recipe)
        return None
    maps = _chain(recipe, plugins, problems)
    if maps is None:
        override(Map({}, Place(_shown(recipe))), overrides, problems)
        return None
    root: Node | None = None
    requires: list[Required] = []
    for file in reversed(maps):
        # Each file separately: a pin applies to the options beside it, not to those of a parent or child.
        requires += read_requires(find(file, "requires"), problems)
        lock = find(file, "lock")
        file = migrate(file, under=root, lock=lock, plugins=plugins, problems=problems)
        root = merge(root, file) if root is not None else file
    assert root is not None  # noqa: S101  (a chain has at least one file)
    lock = find(root, "lock")
    entries = {key: entry for key, entry in _entries(root).items() if key not in FILE_KEYS}
    root = override(Map(entries, root.place), overrides, problems)
    if overrides and isinstance(root, Map):
        root = migrate(root, under=None, lock=None, plugins=plugins, problems=problems)
    original = find(lock, "recipe") if lock else None
    original_name = str(original.value) if isinstance(original, Scalar) and len(maps) == 1 else ""
    name = original_name if is_file_name(original_name) else recipe.name
    return ComposedRecipe(name, Map(_entries(root), root.place), lock, tuple(requires))


def _entries(node: Node) -> dict[str, Entry]:
    return dict(node.entries) if isinstance(node, Map) else {}


def _shown(recipe: RecipeFile | RecipeText) -> str:
    return recipe.name if isinstance(recipe, RecipeText) else shown(recipe.path)


def _chain(
    first: RecipeFile | RecipeText, plugins: PluginCatalogue, problems: list[Problem]
) -> list[Map] | None:
    """The maps of a recipe and its parents, nearest first; None when one of them cannot be used."""
    maps: list[Map] = []
    seen: dict[Path, str] = {}
    current = first
    while True:
        source, folder = _shown(current), Path()
        if isinstance(current, RecipeText):
            node = parse(Text(source, current.text), problems)
        else:
            folder = current.path.parent
            seen[current.path.resolve()] = source
            node = read(current.path, source, problems)
        if not isinstance(node, Map):
            if node is not None:
                what = "is empty" if isinstance(node, Scalar) and node.value is None else "is not a map"
                problems.append(Problem("bad-yaml", f"{source} {what}", node.place, "a map of `key: value`"))
            return None
        maps.append(node)
        parent = find(node, "extends")
        if parent is None:
            return maps
        if not (isinstance(parent, Scalar) and isinstance(parent.value, str) and parent.value):
            message = "`extends` must name one parent"
            expected = "a recipe's name, or a path relative to this file"
            problems.append(Problem("bad-extends", message, parent.place, expected, "attnforge recipes"))
            return None
        recipe = locate(parent.value, plugins, folder=folder, place=parent.place)
        if isinstance(recipe, Problem):
            problems.append(recipe)
            return None
        if recipe.path.resolve() in seen:
            cycle = " -> ".join([*seen.values(), shown(recipe.path)])
            problems.append(Problem("extends-cycle", f"`extends` forms a cycle: {cycle}", parent.place))
            return None
        current = recipe
