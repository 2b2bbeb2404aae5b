"""Reads the options of a class from its source, without importing it: importing torch takes seconds.

The constructor is the schema, so its keyword-only parameters, or the fields of a dataclass, are the options.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WrittenClass:
    """A class as it is written in a module."""

    module: str
    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class WrittenOption:
    """An option, with its annotation as it is written in a module."""

    module: str
    annotation: ast.expr
    default: str | None
    """The default, if it is a text."""


def written_class(module: str, name: str) -> WrittenClass | None:
    """The class of this name in a module, or the one that the module imports under it."""
    tree = _tree(module)
    for node in tree.body if tree else ():
        match node:
            case ast.ClassDef() if node.name == name:
                return WrittenClass(module, node)
            case ast.ImportFrom(module=str(source), level=0):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return written_class(source, alias.name)
    return None


def written_alias(module: str, name: str) -> WrittenOption | None:
    """What a module, or one that it imports the name from, assigns to a name, such as `Literal[...]`."""
    tree = _tree(module)
    for node in tree.body if tree else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return WrittenOption(module, value, None)
            case ast.ImportFrom(module=str(source), level=level):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        parts = module.split(".")
                        origin = ".".join([*parts[: len(parts) - level], source]) if level else source
                        return written_alias(origin, alias.name)
    return None


def written_options(written: WrittenClass) -> dict[str, WrittenOption]:
    """The options of a class, in order: its own constructor's, or those of the first base that has some."""
    options = dict(_own(written))
    for base in written.node.bases:
        if options or not isinstance(base, ast.Name):
            break
        parent = written_class(written.module, base.id)
        options = written_options(parent) if parent else {}
    return options


def _own(written: WrittenClass) -> Iterator[tuple[str, WrittenOption]]:
    node, module = written.node, written.module
    constructors = [
        part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"
    ]
    if constructors:
        arguments = constructors[0].args
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if argument.annotation is not None:
                yield argument.arg, WrittenOption(module, argument.annotation, _text(default))
    elif is_dataclass(node):
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                yield part.target.id, WrittenOption(module, part.annotation, _text(part.value))


def is_dataclass(node: ast.ClassDef) -> bool:
    """Whether a class is written with the decorator `dataclass`."""
    names = [part.func if isinstance(part, ast.Call) else part for part in node.decorator_list]
    return any(isinstance(name, ast.Name) and name.id == "dataclass" for name in names)


def _text(default: ast.expr | None) -> str | None:
    match default:
        case ast.Constant(value=str(text)):
            return text
    return None


@cache
def _tree(module: str) -> ast.Module | None:
    """The syntax tree of a module; only its top package is looked up, and none is imported."""
    top, *parts = module.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None
