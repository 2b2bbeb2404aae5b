"""Defaults of constructors as decoded values, so that a frozen recipe can include them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from attnforge.plugin import PluginCatalogue
from attnforge.recipe.options import MISSING, options_of, parameter_of
from attnforge.recipe.shapes import (
    EitherShape,
    ListShape,
    OptionalShape,
    SectionShape,
    Shape,
    SlotShape,
    TableShape,
)
from attnforge.recipe.tree import UNWRITABLE, Choice, Decoded, Named, Section, Several, Value
from attnforge.recipe.values import dump


def from_python(shape: Shape, live: Any, path: str, plugins: PluginCatalogue) -> Decoded:
    """A Python value as if decoded from a recipe; contains `UNWRITABLE` where YAML cannot express it."""
    match shape:
        case OptionalShape():
            return Value(None, None, False) if live is None else from_python(shape.item, live, path, plugins)
        case SlotShape():
            return _slot(shape.kind, live, path, plugins)
        case SectionShape() if isinstance(live, shape.target):
            fields = {name: getattr(live, parameter_of(name)) for name in options_of(shape.target)}
            return Section(shape.target, _options(shape.target, fields, path, plugins), False)
        case ListShape() if isinstance(live, Sequence):
            items = (from_python(shape.item, item, f"{path}.{n}", plugins) for n, item in enumerate(live))
            return Several(tuple(items), shape.container, False)
        case TableShape() if isinstance(live, Mapping):
            named = {
                name: from_python(shape.item, item, f"{path}.{name}", plugins) for name, item in live.items()
            }
            return Named(named, False)
        case EitherShape() if isinstance(live, shape.section.target):
            return from_python(shape.section, live, path, plugins)
        case EitherShape() if shape.items is not None and isinstance(live, tuple | list):
            return from_python(shape.items, live, path, plugins)
        case EitherShape():
            return from_python(shape.value, live, path, plugins)
        case SectionShape() | ListShape() | TableShape():
            return Value(live, UNWRITABLE, False)
        case _:
            return Value(live, dump(shape.adapter, live), False)


def _options(
    target: type, values: Mapping[str, Any], path: str, plugins: PluginCatalogue
) -> dict[str, Decoded]:
    options = {}
    for name, option in options_of(target).items():
        live = values.get(parameter_of(name), values.get(name, option.default))
        if live is not MISSING:
            options[name] = from_python(option.shape, live, f"{path}.{name}", plugins)
    return options


def _slot(kind: str, live: Any, path: str, plugins: PluginCatalogue) -> Decoded:
    """The component that a default, a class or a partial of one, was declared as."""
    target = live.func if isinstance(live, partial) else live
    values = live.keywords if isinstance(live, partial) else {}
    component = plugins.registry.find(kind, target) if isinstance(target, type) else None
    if component is None or not isinstance(target, type):
        return Value(live, UNWRITABLE, False)
    provider = str(plugins.owner(component))
    return Choice(component, provider, target, _options(target, values, path, plugins), path, None, False)
