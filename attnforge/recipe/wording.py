"""Options in words: the type of a value, and the default as written in a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from attnforge.recipe.options import MISSING, Option, options_of
from attnforge.recipe.shapes import (
    EitherShape,
    ListShape,
    OptionalShape,
    SectionShape,
    Shape,
    SlotShape,
    TableShape,
)


def type_in_words(shape: Shape, name_of: Callable[[SlotShape | SectionShape], str] | None = None) -> str:
    """The allowed values, such as `integer, at least 1` or `list of stage`.

    Args:
        shape: The meaning of the annotation in a recipe.
        name_of: Formats the name of a kind or section, for pages that link them; by default the plain name.
    """
    match shape:
        case SlotShape():
            return name_of(shape) if name_of else shape.kind
        case SectionShape():
            return name_of(shape) if name_of else shape.target.__name__
        case EitherShape():
            words = f"{type_in_words(shape.value, name_of)} or {type_in_words(shape.section, name_of)}"
            return words if shape.items is None else f"{words} or a list of these"
        case ListShape():
            return f"list of {type_in_words(shape.item, name_of)}"
        case TableShape():
            return f"names, each a {type_in_words(shape.item, name_of)}"
        case OptionalShape():
            return f"{type_in_words(shape.item, name_of)} or null"
        case _:
            return _of_schema(shape.adapter.json_schema())


def default_in_words(option: Option) -> str:
    """The default as written in a recipe; empty for an empty default or none."""
    value = option.default
    if value is MISSING or is_dataclass(value) or value in ((), {}, ""):
        return ""
    return _yaml(value)


def inner_options(target: type, *, above: str = "") -> Iterator[tuple[str, Option]]:
    """Every option of a class with its dotted name; those of a section follow the option that holds it."""
    for name, option in options_of(target).items():
        yield above + name, option
        shape = option.shape
        while isinstance(shape, OptionalShape | EitherShape):
            shape = shape.item
        if isinstance(shape, SectionShape) and shape.target is not target:
            yield from inner_options(shape.target, above=f"{above}{name}.")


def slot_of(shape: Shape) -> str | None:
    """The kind of component in a slot or a collection of slots; None for anything else."""
    while isinstance(shape, ListShape | TableShape | OptionalShape):
        shape = shape.item
    return shape.kind if isinstance(shape, SlotShape) else None


def _of_schema(schema: Mapping[str, Any]) -> str:
    """A JSON schema of a single value in words."""
    if "anyOf" in schema:
        return " or ".join(_of_schema(alternative) for alternative in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    items = schema.get("items")
    if schema.get("type") == "array":
        members = schema.get("prefixItems", [items] if items else [])
        return f"list of {' and '.join(dict.fromkeys(map(_of_schema, members))) or 'values'}"
    bounds = {"minimum": "at least", "exclusiveMinimum": "above"}
    bounds |= {"maximum": "at most", "exclusiveMaximum": "below"}
    limits = [f"{word} {_number(schema[key])}" for key, word in bounds.items() if key in schema]
    names = {"object": "map", "string": "text", "boolean": "true or false"}
    kind = str(schema.get("type", "any value"))
    return ", ".join([names.get(kind, kind), *limits])


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


def _yaml(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else _named(value)


def _named(value: object) -> str:
    """The name of a class, a function or a partial; `str` of anything else."""
    function = getattr(value, "func", value)
    return str(getattr(function, "__name__", value))
