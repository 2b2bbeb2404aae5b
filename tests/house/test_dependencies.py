"""What is imported is declared: a module that comes along with another package today may not tomorrow."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

OWN = {
    "attnforge",
    "attnforge_attngan",
    "attnforge_sketch_birds",
    "attnforge_folder",
    "attnforge_cub",
    "attnforge_coco",
    "attnforge_encoders",
    "attnforge_machine",
}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def _named(lines: Sequence[str]) -> set[str]:
    return {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in lines}


def test_every_imported_package_is_a_declared_dependency(sources: dict[Path, ast.Module], root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    always = _named(project["dependencies"])
    extra = _named(project["optional-dependencies"]["testing"])  # for the conformance kit alone
    providers = packages_distributions()
    undeclared = {
        f"{path.relative_to(root)}: {module}"
        for path, tree in sources.items()
        for module in _imported(tree)
        if module not in OWN | sys.stdlib_module_names
        and not (always | extra if (root / "attnforge" / "testing") in path.parents else always)
        & {name.lower().replace("_", "-") for name in providers.get(module, [module])}
    }
    assert sorted(undeclared) == []


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
