"""Every error code of the source has its section in the reference, and no section outlives its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _code_arguments(tree: ast.Module) -> Iterator[ast.expr]:
    """Every expression that becomes a code: given to `Problem(...)`, handed on as `code`, or named so."""
    positions = {"Problem": 0, **_functions_that_take_a_code(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
            position = positions.get(ast.unparse(node.func).split(".")[-1])
            if position is not None and position < len(node.args):
                yield node.args[position]
        elif isinstance(node, ast.arguments):
            yield from (
                default
                for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)
                if argument.arg == "code" and default is not None
            )
        elif isinstance(node, ast.Assign):
            # exit codes are called so, too: only texts are meant
            yield from (value for name, value in _assigned(node) if name == "code" and _literals(value))


def _functions_that_take_a_code(tree: ast.Module) -> dict[str, int]:
    """Functions and dataclasses of a module with a parameter `code`, and its place in a call."""
    found = {}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
        elif isinstance(node, ast.ClassDef):
            names = [ast.unparse(one.target) for one in node.body if isinstance(one, ast.AnnAssign)]
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and "code" in names:
            found[node.name] = names.index("code")
    return found


def _assigned(node: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Name):
            yield target.id, node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for one, value in zip(target.elts, node.value.elts, strict=True):
                if isinstance(one, ast.Name):
                    yield one.id, value


def _literals(expression: ast.expr) -> set[str] | None:
    """The strings an expression can be: a literal, a choice of literals, or the `code` handed on."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return {expression.value}
    if isinstance(expression, ast.IfExp):
        either, other = _literals(expression.body), _literals(expression.orelse)
        return either | other if either is not None and other is not None else None
    if isinstance(expression, ast.Name | ast.Attribute) and ast.unparse(expression).split(".")[-1] == "code":
        return set()
    return None


def test_error_codes_are_literal_slugs(sources: dict[Path, ast.Module], root: Path) -> None:
    odd = []
    for path, tree in sources.items():
        for expression in _code_arguments(tree):
            codes = _literals(expression)
            if codes is None or not all(SLUG.fullmatch(code) for code in codes):
                odd.append(f"{path.relative_to(root)}:{expression.lineno} {ast.unparse(expression)}")
    assert odd == []


def test_the_reference_has_exactly_these_codes(sources: dict[Path, ast.Module], root: Path) -> None:
    expressions = [expression for tree in sources.values() for expression in _code_arguments(tree)]
    raised = set[str]().union(*(_literals(expression) or set() for expression in expressions))
    explained = _explained(root)
    assert raised
    assert sorted(raised - set(explained)) == []
    assert sorted(set(explained) - raised) == []
    assert len(explained) == len(set(explained))


def test_every_code_occurs_in_a_test(files: list[Path], root: Path) -> None:
    explained = _explained(root)
    tests = "".join(path.read_text() for path in files if path.suffix == ".py" and _is_a_test(path, root))
    provoked = set(re.findall(r"[\"'\[`]([a-z0-9]+(?:-[a-z0-9]+)*)[\"'\]`]", tests))
    assert len(provoked & set(explained)) > 50
    assert sorted(set(explained) - provoked) == []


def _is_a_test(path: Path, root: Path) -> bool:
    return "tests" in path.relative_to(root).parts and path != Path(__file__)


def _explained(root: Path) -> list[str]:
    """The codes that have a section: in the reference, or in a package that is a distribution of its own."""
    pages = [root / "docs" / "reference" / "errors.md", *root.glob("plugins/*/*/errors.md")]
    return [
        code for page in pages for code in re.findall(r"^## `([^`]+)`$", page.read_text(), flags=re.MULTILINE)
    ]
