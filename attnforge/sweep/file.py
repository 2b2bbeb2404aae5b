"""The file of a sweep: how it is found, and the place of each value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RecipeError, nearest
from attnforge.plugin import PluginCatalogue
from attnforge.recipe.decode import Decoder
from attnforge.recipe.library import is_file, shipped, shown
from attnforge.recipe.node import Map, Node, Scalar, find
from attnforge.recipe.source import read
from attnforge.sweep.schema import Sweep


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A sweep's file that has been read."""

    name: str
    path: Path
    root: Map
    """Its values, each with its place."""

    def text(self, key: str) -> str | None:
        """The string value of a key; None if missing."""
        node = find(self.root, key)
        return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def sweeps(plugins: PluginCatalogue) -> dict[str, Path]:
    """Every sweep that can be named without a path: attnforge's own, then those of plugins."""
    folders = [shipped(), *(folder for plugin in plugins.plugins for folder in plugin.recipes)]
    paths: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "sweeps").glob("*.yaml")):
            paths.setdefault(path.stem, path)
    return paths


def read_sweep(sweep: str | Path, plugins: PluginCatalogue, problems: list[Problem]) -> SweepFile | None:
    """Read a sweep by name or path; problems of its values are appended to `problems`.

    Args:
        sweep: A name, or a path: anything with a slash or ending in `.yaml`.
        plugins: The installed plugins, for their sweeps.
        problems: Problems found so far; appended to.

    Raises:
        RecipeError: The sweep is unknown, or its file cannot be read at all.
    """
    path = _locate(sweep, plugins)
    syntax_problems: list[Problem] = []
    root = read(path, shown(path), syntax_problems)
    if isinstance(root, Map):
        decoder = Decoder(plugins)
        decoder.section(Sweep, root, "sweep")
        problems += [*syntax_problems, *decoder.problems]
        return SweepFile(path.stem, path, root)
    if root is not None:
        message = f"{shown(path)} is not a map"
        syntax_problems.append(Problem("bad-yaml", message, root.place, "a map with `recipe:` and `grid:`"))
    raise RecipeError(syntax_problems)


def entries(node: Node | None) -> Mapping[str, Any]:
    """The entries of a map; empty for any other node, which was reported before."""
    return node.entries if isinstance(node, Map) else {}


def _locate(sweep: str | Path, plugins: PluginCatalogue) -> Path:
    text = os.fspath(sweep)
    named = sweeps(plugins)
    if isinstance(sweep, Path) or "/" in text or os.sep in text or text.endswith((".yaml", ".yml")):
        if is_file(Path(text)):
            return Path(text)
        message = f"sweep file {text} does not exist"
    elif text in named:
        return named[text]
    else:
        message = f"unknown sweep `{text}`"
    close = nearest(text, list(named))
    known = ", ".join(named) or "none is installed"
    expected = f"`{close}`; known sweeps: {known}" if close else f"the path of a file, or one of {known}"
    raise RecipeError(Problem("unknown-sweep", message, None, expected, "attnforge sweep --help"))
