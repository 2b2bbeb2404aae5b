"""What is imported is declared: a module that comes along with another package today may not tomorrow."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

OWN = {
    "attnforge",
    "attnforge_gan",
    "attnforge_attngan",
    "attnforge_sketch_birds",
    "attnforge_folder",
    "attnforge_cub",
    "attnforge_coco",
    "attnforge_encoders",
    "attnforge_metrics",
    "attnforge_r3gan",
    "attnforge_rat_gan",
    "attnforge_ssa_gan",
    "attnforge_df_gan",
    "attnforge_reed",
    "attnforge_gan_int_cls",
    "attnforge_gawwn",
    "attnforge_stackgan",
    "attnforge_plug_and_play",
    "attnforge_machine",
}


OPTIONAL = {
    "attnforge/data/reading/other_tables.py": "parquet",
    "attnforge/data/reading/parquet.py": "parquet",
    "attnforge/data/shards/files.py": "remote",
    "attnforge/export/formats.py": "onnx",
    "attnforge/play/app.py": "play",
    "attnforge/play/serving.py": "play",
}
"""Modules that need an extra, and say so with an error where it is not installed."""


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def _named(lines: Sequence[str]) -> set[str]:
    return {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in lines}


def test_every_imported_package_is_a_declared_dependency(sources: dict[Path, ast.Module], root: Path) -> None:
    providers = packages_distributions()
    undeclared = {
        f"{path.relative_to(root)}: {module}"
        for path, tree in sources.items()
        for module in _imported(tree)
        if module not in _own(path, root) | sys.stdlib_module_names
        and not _declared(path, root)
        & {name.lower().replace("_", "-") for name in providers.get(module, [module])}
    }
    assert sorted(undeclared) == []


@cache
def _project(folder: Path, root: Path) -> Path:
    """The folder of the distribution that a folder belongs to: a plugin's own, or the core's."""
    return next((one for one in (folder, *folder.parents) if (one / "pyproject.toml").is_file()), root)


@cache
def _metadata(project: Path) -> dict[str, Any]:
    """What a distribution declares of itself."""
    declared: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    return declared


def _own(path: Path, root: Path) -> set[str]:
    """What a module may import without a word: its own distribution's packages, and those of attnforge's."""
    project = _project(path.parent, root)
    if project == root:
        return OWN
    return {*OWN, *(one.parent.name for one in project.glob("*/__init__.py"))}


def _declared(path: Path, root: Path) -> set[str]:
    """What the distribution of a module names, or attnforge does, on which every plugin depends.

    The conformance kit alone may use what is for tests.
    """
    projects = [_metadata(project) for project in {root, _project(path.parent, root)}]
    kit = root / "attnforge" / "testing" in path.parents
    name = "testing" if kit else OPTIONAL.get(path.relative_to(root).as_posix())
    extra = _metadata(root)["optional-dependencies"][name] if name else []
    return _named([line for project in projects for line in project["dependencies"]] + extra)


def test_every_declared_dependency_is_pinned_with_a_hash(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    declared = {re.split(r"[^\w.-]", line)[0].lower() for line in project["project"]["dependencies"]}
    development = {
        re.split(r"[^\w.-]", line)[0].lower()
        for line in project["dependency-groups"]["dev"]
        if isinstance(line, str)
    }
    assert declared <= _pinned(root / "requirements" / "runtime.txt")
    assert declared | development <= _pinned(root / "requirements" / "dev.txt")


def _pinned(path: Path) -> set[str]:
    entries = re.split(r"\n(?=\S)", path.read_text())
    return {
        entry.partition("==")[0].lower() for entry in entries if "==" in entry and "--hash=sha256:" in entry
    }
