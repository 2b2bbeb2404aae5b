"""The walks through the code on the page of the architecture: every function exists and calls the next."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

MAX_FILES = 25
"""Files that a newcomer visits in one walk."""
ROW = re.compile(r"^\| `(?P<file>[^`]+\.py)` \| `(?P<function>[^`]+)` \| ?(?P<calls>.*?) ?\|$", re.MULTILINE)
CALL = re.compile(r"`(?P<name>\w+)`(?:: `(?P<function>[\w.]+)`)?")


def walks(root: Path) -> dict[str, list[re.Match[str]]]:
    """The rows of each walk, by its heading."""
    page = (root / "docs/explanation/architecture.md").read_text()
    sections = {text.partition("\n")[0]: text for text in page.split("\n## ")}
    return {heading: list(ROW.finditer(text)) for heading, text in sections.items() if ROW.search(text)}


def function_in(file: Path, name: str) -> ast.AST | None:
    """The definition of a function or of a method of a class in a file."""
    node: ast.AST = ast.parse(file.read_text())
    for part in name.split("."):
        named = [
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name == part
        ]
        if not named:
            return None
        node = named[0]
    return node if isinstance(node, ast.FunctionDef) else None


def names_in(function: ast.AST) -> set[str]:
    """Every name and attribute that a function mentions."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Name | ast.Attribute)
    }


@pytest.mark.parametrize("heading", ["A training step, file by file", "A generated image, file by file"])
def test_every_function_of_a_walk_exists_and_calls_the_next(root: Path, heading: str) -> None:
    rows = walks(root)[heading]
    functions = [row["function"] for row in rows]
    called: set[str] = set()
    problems = []
    for number, row in enumerate(rows):
        function = function_in(root / row["file"], row["function"])
        if function is None:
            problems.append(f"{row['file']} has no function {row['function']}")
            continue
        if number and row["function"] not in called:
            problems.append(f"no earlier row calls {row['function']}")
        for call in CALL.finditer(row["calls"]):
            target = call["function"] or call["name"]
            called.add(target)
            if call["name"] not in names_in(function):
                problems.append(f"{row['function']} does not call {call['name']}")
            if target not in functions:
                problems.append(f"{row['function']} calls {target}, which has no row")
    assert problems == []
    assert len(rows) > 15
    assert len({row["file"] for row in rows}) <= MAX_FILES


def test_the_page_lists_every_package_of_the_core(root: Path) -> None:
    page = (root / "docs/explanation/architecture.md").read_text()
    rooms = page.partition("## The rooms")[2].partition("\n## ")[0]
    listed = {
        name
        for row in re.findall(r"^\| (`.+?) \|", rooms, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    packages = {path.parent.name for path in (root / "attnforge").glob("*/__init__.py")}
    assert packages <= listed
