"""The keys of a recipe at a dotted path, and the values of a key that can be listed.

They come from the schema and the components that the recipe names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from attnforge.cli.completing.written import (
    WrittenOption,
    is_dataclass,
    written_alias,
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
    """A component of a kind, or none where the recipe does not name one."""

    kind: str
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


def values(recipe: Mapping[str, object], registry: Registry, key: str) -> list[str]:
    """The values of a key, if they can be listed: names of components, enumerated texts and booleans.

    Args:
        recipe: The merged recipe as plain data, without defaults.
        registry: The components of all plugins.
        key: The whole key.
    """
    *path, last = key.split(".")
    place: _Place | None = _Section(_options_of(*SCHEMA), recipe)
    for name in path:
        place = _below(place, name, registry)
    if isinstance(place, _Slot):
        if last == USE:
            return list(registry.names(place.kind))
        place = place.section
    if isinstance(slot := _below(place, last, registry), _Slot):
        return list(registry.names(slot.kind))
    match place:
        case _Section(options) if last in options:
            return list(dict.fromkeys(_listed(options[last].module, options[last].annotation)))
    return []


def _listed(module: str, annotation: ast.expr) -> Iterator[str]:
    """The values of an annotation, as YAML; none of one that allows more than can be listed."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _listed(module, left)
            yield from _listed(module, right)
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            yield from _listed(module, first)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=items)):
            yield from (str(item.value) for item in items if isinstance(item, ast.Constant))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Constant(value=item)):
            yield str(item)
        case ast.Name(id="bool"):
            yield from ("true", "false")
        case ast.Constant(value=None):
            yield "null"
        case ast.Name(id=name) if (alias := written_alias(module, name)) is not None:
            yield from _listed(alias.module, alias.annotation)


def _names(place: _Place | None) -> Iterator[str]:
    match place:
        case _Section(options):
            yield from options
        case _Slot(_, section):
            yield USE
            yield from section.options if section else ()
        case _Table(_, Mapping() as value):
            yield from map(str, value)


def _below(place: _Place | None, name: str, registry: Registry) -> _Place | None:
    match place:
        case _Slot(_, section):
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
            kind = next((kind.name for kind in KINDS.values() if kind.interface == interface), "")
            return _Slot(kind, _component(kind, value or option.default, registry))
        case ast.Name(id=name):
            written = written_class(option.module, name)
            if written and is_dataclass(written.node):
                return _Section(written_options(written), value)
    return None


def _component(kind: str, value: object, registry: Registry) -> _Section | None:
    name = value.get(USE) if isinstance(value, Mapping) else value
    try:
        component = registry.get(kind, str(name).partition("@")[0])
    except PluginError:
        return None
    module, _, target = component.target.partition(":")
    return _Section(_options_of(module, target), value)


def _options_of(module: str, name: str) -> Mapping[str, WrittenOption]:
    written = written_class(module, name)
    return written_options(written) if written else {}
