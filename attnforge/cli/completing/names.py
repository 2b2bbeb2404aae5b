"""Completes names of recipes and folders of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from attnforge.errors import AttnforgeError

RUNS = Path("runs")
"""Where runs are by default."""
LOCK = "recipe.lock.yaml"


def recipe_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of recipes, or paths of YAML files once a path is typed."""
    if "/" in incomplete or incomplete.startswith("."):
        return sorted(_paths(incomplete, suffixes=(".yaml", ".yml")))
    from attnforge.plugin import load_plugins
    from attnforge.recipe.library import library

    names = [recipe.name for recipe in library(load_plugins()) if recipe.hidden_by is None]
    files = _paths(incomplete, suffixes=(".yaml", ".yml"))
    return [*(name for name in names if name.startswith(incomplete)), *sorted(files)]


def run_folders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Folders of runs, and other folders with a slash behind; at first the runs below `runs`."""
    paths = list(_paths(incomplete, suffixes=()))
    if not incomplete and RUNS.is_dir():
        paths = [path for path in _paths(f"{RUNS}/", suffixes=()) if not path.endswith("/")]
    return sorted(paths)


def recipe_of_run(path: Path) -> Path | None:
    """The frozen recipe of a run, or of a run that holds this checkpoint."""
    return next((folder / LOCK for folder in (path, *path.parents) if (folder / LOCK).is_file()), None)


def known(name: str) -> bool:
    """Whether a word is a recipe's name or file, so that what follows are its keys."""
    from attnforge.plugin import load_plugins
    from attnforge.recipe.library import RecipeFile, locate

    try:
        return isinstance(locate(name, load_plugins(), folder=Path()), RecipeFile)
    except AttnforgeError:
        return False


def _paths(incomplete: str, *, suffixes: tuple[str, ...]) -> Iterator[str]:
    """What is in the folder of an incomplete path: runs, other folders, and files with these suffixes."""
    start, slash, _ = incomplete.rpartition("/")
    folder = Path(f"{start}{slash}" or ".")
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        path = f"{start}{slash}{entry.name}"
        hidden = entry.name.startswith(".") and not incomplete.endswith(".")
        if hidden or not path.startswith(incomplete) or not path.isprintable():
            continue
        if entry.is_dir():
            yield path if (entry / LOCK).is_file() and not suffixes else f"{path}/"
        elif entry.suffix in suffixes and suffixes:
            yield path
