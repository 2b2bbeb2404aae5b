"""Validates values with pydantic and turns its errors into problems that have a place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from attnforge.errors import Place, Problem, nearest
from attnforge.recipe.node import Items, Map, Node, plain
from attnforge.recipe.tree import UNWRITABLE, Value

_TYPE_ERRORS = ("_type", "_parsing", "none_required", "is_instance_of", "_from_float")


def decode_value(adapter: TypeAdapter[Any], node: Node, path: str, problems: list[Problem]) -> Value | None:
    """Decode one value strictly: "32" is not a number and 1 is not true, but an integer is a float."""
    try:
        # In its JSON mode, pydantic accepts a list for a tuple and a string for a path, and still refuses
        # "32" for 32.
        live = adapter.validate_json(json.dumps(plain(node)), strict=True)
    except ValidationError as error:
        problems.extend(_problems(error.errors(include_url=False), node, path))
        return None
    return Value(live, dump(adapter, live), written=True)


def dump(adapter: TypeAdapter[Any], live: object) -> Any:
    """A value as YAML data, or `UNWRITABLE`."""
    try:
        data = adapter.dump_python(live, mode="json", warnings="error")
        json.dumps(data)
    except Exception:
        return UNWRITABLE
    return data


def describe_value(node: Node) -> str:
    """A value as error messages name it."""
    match node:
        case Map():
            return "a map"
        case Items():
            return "a list"
        case _ if isinstance(node.value, str):
            return (
                f"the text `{node.value}`" if len(node.value) <= 60 else f"the text `{node.value[:60]} ...`"
            )
        case _:
            return json.dumps(node.value)


def _problems(errors: Sequence[ErrorDetails], node: Node, path: str) -> list[Problem]:
    """One problem for each place; errors of a union's members are joined."""
    grouped: dict[tuple[str, Place], tuple[Node, list[ErrorDetails]]] = {}
    for error in errors:
        below, name = _follow(node, path, error["loc"])
        grouped.setdefault((name, below.place), (below, []))[1].append(error)
    return [_problem(name, below, details) for (name, _), (below, details) in grouped.items()]


def _problem(path: str, node: Node, errors: list[ErrorDetails]) -> Problem:
    types = [error["type"] for error in errors]
    code = "wrong-type" if all(kind.endswith(_TYPE_ERRORS) for kind in types) else "bad-value"
    expected = ", or ".join(dict.fromkeys(_expected(error) for error in errors))
    if types == ["literal_error"] and isinstance(value := plain(node), str):
        names = [name.strip("' ") for name in expected.replace(" or ", ", ").split(",")]
        close = nearest(value, names)
        expected = f"`{close}`; known: {expected}" if close else expected
    return Problem(code, f"`{path}` is {describe_value(node)}", node.place, expected)


def _expected(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if "expected" in context:
        return str(context["expected"])
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _follow(node: Node, path: str, steps: Sequence[int | str]) -> tuple[Node, str]:
    """The value that a pydantic error is about; steps that name a member of a union are skipped."""
    for step in steps:
        if isinstance(node, Map) and str(step) in node.entries:
            node, path = node.entries[str(step)].node, f"{path}.{step}"
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
            node, path = node.items[step], f"{path}.{step}"
    return node, path
