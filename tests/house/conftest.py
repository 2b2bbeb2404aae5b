"""What the house tests look at: the files of this checkout, its Python sources and its pages."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """Every file that belongs to the project, tracked or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [root / name for name in names if name and (root / name).is_file()]


@pytest.fixture(scope="session")
def sources(root: Path, files: list[Path]) -> dict[Path, ast.Module]:
    """The syntax tree of every module that is shipped: the core and the plugins."""
    shipped = [
        path
        for path in files
        if path.suffix == ".py"
        and path.relative_to(root).parts[0] in ("attnforge", "plugins")
        and "tests" not in path.relative_to(root).parts
    ]
    return {path: ast.parse(path.read_text(), str(path)) for path in shipped}


@pytest.fixture(scope="session")
def pages(root: Path, files: list[Path]) -> list[Path]:
    """README and every page of the documentation."""
    return [
        path
        for path in files
        if path.suffix == ".md" and (path.parent == root or root / "docs" in path.parents)
    ]
