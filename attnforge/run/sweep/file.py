"""The file of a sweep: where it is found, what may stand in it, and where each value was written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from attnforge.errors import Problem, RecipeError, nearest
from attnforge.plugin import PluginCatalogue
from attnforge.recipe.decode import Decoder
from attnforge.recipe.library import is_file, shipped, shown
from attnforge.recipe.node import Map, Node, Scalar, find
from attnforge.recipe.source import read

Values = Annotated[tuple[Any, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One run beside the grid.

    Args:
        recipe: Another recipe than the sweep's, by name or by a path relative to the sweep's file.
        set: Values that are laid over it, by dotted key, after those of the sweep.
    """

    recipe: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Encoders:
    """Where all runs take their text and image encoder from. Give `run`, or what to train.

    Args:
        run: The folder of a run that has trained them.
        recipe: Whose encoders are trained once for all runs; the sweep's recipe when not given.
        set: Values that are laid over that recipe, by dotted key.
    """

    run: str | None = None
    recipe: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Everything that a sweep's file may say.

    Args:
        summary: One line on what is compared.
        recipe: The recipe of the grid, by name or by a path relative to the sweep's file.
        encoders: Where all runs take their encoders from; each trains its own when not given.
        set: Values that are laid over every recipe, by dotted key.
        grid: Values to try, as a list for each dotted key; every combination is a run.
        label: What a run of the grid is called, with the values of keys in braces.
        baselines: Named runs that stand before the grid in the table.
        also: Named runs that stand after the grid.
        highest: The figure whose highest value chooses the checkpoint that the table shows of each run, as in
            Table 2 of the AttnGAN paper; the last one when not given.
    """

    summary: str = ""
    recipe: str
    encoders: Encoders | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    grid: Mapping[str, Values] = field(default_factory=dict)
    label: str | None = None
    baselines: Mapping[str, Configuration] = field(default_factory=dict)
    also: Mapping[str, Configuration] = field(default_factory=dict)
    highest: str | None = None


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A sweep's file that has been read."""

    name: str
    path: Path
    root: Map
    """Its values, each with its place."""

    def text(self, key: str) -> str | None:
        """A text that stands in it."""
        node = find(self.root, key)
        return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def sweeps(plugins: PluginCatalogue) -> dict[str, Path]:
    """Every sweep that can be named without a path: attnforge's own, then those of plugins."""
    folders = [shipped(), *(folder for plugin in plugins.plugins for folder in plugin.recipes)]
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "sweeps").glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def read_sweep(wanted: str | Path, plugins: PluginCatalogue, problems: list[Problem]) -> SweepFile | None:
    """Read a sweep by name or path; what is wrong with it is added to `problems`.

    Args:
        wanted: A name, or a path: anything with a slash or ending in `.yaml`.
        plugins: Whose sweeps are looked through.
        problems: Gathers what is wrong.

    Raises:
        RecipeError: There is no such sweep, or its file cannot be read at all.
    """
    path = _locate(wanted, plugins)
    found: list[Problem] = []
    root = read(path, shown(path), found)
    if isinstance(root, Map):
        decoder = Decoder(plugins)
        decoder.section(Sweep, root, "sweep")
        problems += [*found, *decoder.problems]
        return SweepFile(path.stem, path, root)
    if root is not None:
        found.append(
            Problem("bad-yaml", f"{shown(path)} is no map", root.place, "a map with `recipe:` and `grid:`")
        )
    raise RecipeError(found)


def entries(node: Node | None) -> Mapping[str, Any]:
    """The entries of a map; none of anything else, which was told before."""
    return node.entries if isinstance(node, Map) else {}


def _locate(wanted: str | Path, plugins: PluginCatalogue) -> Path:
    text = os.fspath(wanted)
    named = sweeps(plugins)
    if isinstance(wanted, Path) or "/" in text or os.sep in text or text.endswith((".yaml", ".yml")):
        if is_file(Path(text)):
            return Path(text)
        message = f"there is no sweep file {text}"
    elif text in named:
        return named[text]
    else:
        message = f"no sweep is called `{text}`"
    close = nearest(text, list(named))
    known = ", ".join(named) or "none is installed"
    expected = f"`{close}`; known are {known}" if close else f"the path of a file, or one of {known}"
    raise RecipeError(Problem("unknown-sweep", message, None, expected, "attnforge sweep --help"))
