"""Every error code of the source has its section in the reference, and no section outlives its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _code_arguments(tree: ast.Module) -> Iterator[tuple[int, ast.expr]]:
    """Line and expression of the code that each `Problem(...)` is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Problem":
            named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if node.args or named:
                yield node.lineno, (node.args[0] if node.args else named[0])


def _literals(expression: ast.expr) -> set[str] | None:
    """The strings an expression can be: a literal, or a choice between literals."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return {expression.value}
    if isinstance(expression, ast.IfExp):
        either, other = _literals(expression.body), _literals(expression.orelse)
        return either | other if either and other else None
    return None


def test_error_codes_are_literal_slugs(sources: dict[Path, ast.Module], root: Path) -> None:
    odd = []
    for path, tree in sources.items():
        for line, expression in _code_arguments(tree):
            codes = _literals(expression)
            if codes is None or not all(SLUG.fullmatch(code) for code in codes):
                odd.append(f"{path.relative_to(root)}:{line} {ast.unparse(expression)}")
    assert odd == []


def test_the_reference_has_exactly_the_codes_of_the_source(
    sources: dict[Path, ast.Module], root: Path
) -> None:
    raised = set[str]().union(
        *(
            _literals(expression) or set()
            for tree in sources.values()
            for _, expression in _code_arguments(tree)
        )
    )
    page = (root / "docs" / "reference" / "errors.md").read_text()
    explained = re.findall(r"^## `([^`]+)`$", page, flags=re.MULTILINE)
    assert raised
    assert sorted(raised - set(explained)) == []
    assert sorted(set(explained) - raised) == []
    assert len(explained) == len(set(explained))
