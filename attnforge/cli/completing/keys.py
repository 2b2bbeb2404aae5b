"""The keys of a recipe at a dotted path, from the schema and the components that the recipe names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from attnforge.cli.completing.written import (
    WrittenOption,
    is_dataclass,
    written_class,
    written_options,
)
from attnforge.errors import PluginError
from attnforge.plugin import KINDS
from attnforge.plugin.registry import Registry

SCHEMA = ("attnforge.recipe.schema", "Recipe")
USE = "use"


@dataclass(frozen=True, slots=True)
class _Section:
    """Keys that a dataclass, or the constructor of a component, lists."""

    options: Mapping[str, WrittenOption]
    value: object


@dataclass(frozen=True, slots=True)
class _Slot:
    """A component, or none where the recipe does not name one."""

    section: _Section | None


@dataclass(frozen=True, slots=True)
class _Table:
    """Names that the recipe chose, or positions in a list, each with a value of one annotation."""

    item: WrittenOption
    value: object


_Place = _Section | _Slot | _Table


def keys(recipe: Mapping[str, object], registry: Registry, incomplete: str) -> Iterator[str]:
    """What may continue a key: `steps=` for a value, `phases.` for keys below, both for a component.

    Args:
        recipe: The merged recipe as plain data, without defaults.
        registry: The components of all plugins.
        incomplete: The key as far as it is typed.
    """
    *path, last = incomplete.split(".")
    place: _Place | None = _Section(_options_of(*SCHEMA), recipe)
    for name in path:
        place = _below(place, name, registry)
    before = "".join(f"{name}." for name in path)
    for name in _names(place):
        if not name.startswith(last):
            continue
        below = _below(place, name, registry)
        if below is not None:
            yield f"{before}{name}."
        if below is None or isinstance(below, _Slot):
            yield f"{before}{name}="


def _names(place: _Place | None) -> Iterator[str]:
    match place:
        case _Section(options):
            yield from options
        case _Slot(section):
            yield USE
            yield from section.options if section else ()
        case _Table(_, Mapping() as value):
            yield from map(str, value)


def _below(place: _Place | None, name: str, registry: Registry) -> _Place | None:
    match place:
        case _Slot(section):
            return _below(section, name, registry)
        case _Section(options, value) if name in options:
            inner = value.get(name) if isinstance(value, Mapping) else None
            return _place(options[name], options[name].annotation, inner, registry)
        case _Table(item, Mapping() as value) if name in value:
            return _place(item, item.annotation, value[name], registry)
    return None


def _place(option: WrittenOption, annotation: ast.expr, value: object, registry: Registry) -> _Place | None:
    """What an annotation says of a value, as `attnforge.recipe.shapes` does for the annotation itself."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _place(option, left, value, registry)
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return _place(option, first, value, registry)
        case ast.Subscript(value=ast.Name(id="Mapping" | "dict"), slice=ast.Tuple(elts=[_, item])):
            return _Table(WrittenOption(option.module, item, None), value)
        case ast.Subscript(value=ast.Name(id="Sequence" | "list"), slice=item) if isinstance(value, list):
            positions = {str(position): part for position, part in enumerate(value)}
            return _Table(WrittenOption(option.module, item, None), positions)
        case ast.Subscript(value=ast.Name(id="Build"), slice=ast.Name(id=interface)):
            return _Slot(_component(interface, value or option.default, registry))
        case ast.Name(id=name):
            written = written_class(option.module, name)
            if written and is_dataclass(written.node):
                return _Section(written_options(written), value)
    return None


def _component(interface: str, value: object, registry: Registry) -> _Section | None:
    name = value.get(USE) if isinstance(value, Mapping) else value
    kind = next((kind.name for kind in KINDS.values() if kind.interface == interface), "")
    try:
        component = registry.get(kind, str(name).partition("@")[0])
    except PluginError:
        return None
    module, _, target = component.target.partition(":")
    return _Section(_options_of(module, target), value)


def _options_of(module: str, name: str) -> Mapping[str, WrittenOption]:
    written = written_class(module, name)
    return written_options(written) if written else {}
