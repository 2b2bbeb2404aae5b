"""Explains the spec that is passed to a component's constructor."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from attnforge import specs


def handed(target: type) -> dict[str, Any] | None:
    """The spec before `*` in a constructor; None if there is none."""
    for parameter in inspect.signature(target).parameters.values():
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            continue
        annotation = parameter.annotation
        name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
        spec = getattr(specs, name.split(".")[-1], None)
        if isinstance(spec, type) and dataclasses.is_dataclass(spec):
            return {"name": spec.__name__, "fields": _fields(spec)}
    return None


def _fields(spec: type) -> list[dict[str, str]]:
    meanings = _meanings(spec)
    return [
        {"name": field.name, "type": str(field.type), "meaning": meanings.get(field.name, "")}
        for field in dataclasses.fields(spec)
    ]


def _meanings(spec: type) -> dict[str, str]:
    """The docstring below each field, which Python does not keep."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(spec))).body
    meanings: dict[str, str] = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else ""
            meanings[ast.unparse(field.target)] = " ".join(str(text).split())
    return meanings
