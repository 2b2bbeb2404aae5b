"""The rules that hold for every file: short, documented, and free of one machine's paths."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

LONGEST = 400
FOREIGN = re.compile(r"(?<![\w.~])/(?:home|mnt|opt|root|srv|work)/\w|:[/]{2}\S+/simple\b|--index-[u]rl")
"""A path of one machine, or the address of a package registry."""


def test_no_file_is_longer_than_a_reader_can_hold(files: list[Path]) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in files if path.suffix == ".py"}
    assert lengths
    assert {str(path): length for path, length in lengths.items() if length > LONGEST} == {}


def test_no_file_names_a_path_of_one_machine_or_a_package_registry(files: list[Path], root: Path) -> None:
    found = []
    for path in files:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(root)}: {match.group()}" for match in FOREIGN.finditer(text)]
    assert found == []


def _public(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(
            node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and not node.name.startswith("_"):
            yield node


def test_every_public_class_and_function_has_a_docstring(sources: dict[Path, ast.Module], root: Path) -> None:
    bare = [
        f"{path.relative_to(root)}:{node.lineno} {node.name}"
        for path, tree in sources.items()
        for node in _public(tree)
        if ast.get_docstring(node) is None and not _implements_a_hook(node)
    ]
    assert bare == []


def test_every_module_says_what_it_is_for(sources: dict[Path, ast.Module], root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for path, tree in sources.items()
        if tree.body and ast.get_docstring(tree) is None
    ]
    assert silent == []


def _implements_a_hook(node: ast.AST) -> bool:
    """A hook is documented where it is specified."""
    return isinstance(node, ast.FunctionDef) and any(
        ast.unparse(decorator).startswith("hookimpl") for decorator in node.decorator_list
    )
