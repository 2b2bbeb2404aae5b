"""The meaning of an annotation in a recipe: a slot, a section, a collection of these, or a value."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, Union

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from attnforge.interfaces import INTERFACES, Build

_CONFIG = ConfigDict(allow_inf_nan=False)
"""Options are finite numbers; by default pydantic also accepts infinity and NaN."""


class BadAnnotationError(Exception):
    """An annotation that a recipe cannot provide a value for."""


@dataclass(frozen=True, slots=True, eq=False)
class SlotShape:
    """`Build[X]`: one component of a kind."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class SectionShape:
    """A dataclass: a map whose keys are its fields."""

    target: type


@dataclass(frozen=True, slots=True, eq=False)
class ListShape:
    """A list or tuple of slots or sections."""

    item: Shape
    container: type[list[Any]] | type[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class TableShape:
    """A mapping from names to slots, sections or values that cannot be null; a name with null is omitted."""

    item: Shape


@dataclass(frozen=True, slots=True, eq=False)
class OptionalShape:
    """A slot, section, list or table that may be null."""

    item: Shape


@dataclass(frozen=True, slots=True, eq=False)
class ValueShape:
    """Anything else: pydantic decodes it."""

    adapter: TypeAdapter[Any]
    is_map: bool = False
    """Whether it is a mapping with values of any type, null among them."""


@dataclass(frozen=True, slots=True, eq=False)
class EitherShape:
    """A value or a section, such as a number or how it changes, or a list of these: the form decides."""

    value: ValueShape
    section: SectionShape
    items: ListShape | None = None

    @property
    def item(self) -> SectionShape:
        """The section, whose options documentation lists."""
        return self.section


Shape = SlotShape | SectionShape | ListShape | TableShape | OptionalShape | ValueShape | EitherShape


def shape_of(annotation: Any) -> Shape:
    """The shape of an annotation.

    Raises:
        BadAnnotationError: it combines slots in a way that a recipe cannot express.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if not _has_parts(annotation):
        if origin not in (dict, Mapping):
            return ValueShape(_adapter(annotation))
        if arguments[:1] != (str,) or _accepts_null(arguments[1]):
            return ValueShape(_adapter(annotation), is_map=True)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin is Build:
        kinds = [kind for kind, interface in INTERFACES.items() if interface is arguments[0]]
        if not kinds:
            raise BadAnnotationError(f"{arguments[0]!r} is not one of attnforge's interfaces")
        return SlotShape(kinds[0])
    if isinstance(annotation, type) and is_dataclass(annotation):
        return SectionShape(annotation)
    if origin in (Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        if len(rest) == 1 and len(arguments) == 2:
            return OptionalShape(shape_of(rest[0]))
        if len(rest) == len(arguments) and (either := _either(arguments)) is not None:
            return either
    elif origin in (list, Sequence):
        return ListShape(shape_of(arguments[0]), list)
    elif origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return ListShape(shape_of(arguments[0]), tuple)
    elif origin in (dict, Mapping) and arguments[0] is str:
        return TableShape(shape_of(arguments[1]))
    raise BadAnnotationError(
        f"{annotation!r} combines slots or sections in a way that a recipe cannot express"
    )


def has_slots(shape: Shape) -> bool:
    """Whether a value of this shape is a component or contains some directly: in a list, a table or null."""
    match shape:
        case SlotShape():
            return True
        case ListShape() | TableShape() | OptionalShape():
            return has_slots(shape.item)
    return False


def is_map(shape: Shape) -> bool:
    """Whether a value of this shape is written as a map of fixed or free keys, and never as null."""
    return isinstance(shape, SectionShape | TableShape) or (isinstance(shape, ValueShape) and shape.is_map)


def _either(alternatives: Sequence[Any]) -> EitherShape | None:
    """Values, one section, and perhaps one list of such; None for other combinations."""
    values = [item for item in alternatives if not _has_parts(item)]
    parts = [shape_of(item) for item in alternatives if _has_parts(item)]
    sections = [part for part in parts if isinstance(part, SectionShape)]
    lists = [part for part in parts if isinstance(part, ListShape)]
    if not values or len(sections) != 1 or len(lists) > 1 or len(sections) + len(lists) < len(parts):
        return None
    value = _adapter(Union[tuple(values)])  # noqa: UP007  (of a list that is known at run time only)
    return EitherShape(ValueShape(value), sections[0], *lists)


def _accepts_null(annotation: Any) -> bool:
    try:
        _adapter(annotation).validate_json("null", strict=True)
    except ValidationError:
        return False
    return True


def _has_parts(annotation: Any) -> bool:
    if annotation is Build:
        raise BadAnnotationError("`Build` needs its interface, as in `Build[Attention]`")
    if typing.get_origin(annotation) is Build or (isinstance(annotation, type) and is_dataclass(annotation)):
        return True
    return typing.get_origin(annotation) is not typing.Literal and any(
        _has_parts(argument) for argument in typing.get_args(annotation)
    )


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=_CONFIG)
    except PydanticSchemaGenerationError as error:
        raise BadAnnotationError(f"{annotation!r} cannot be expressed in a recipe") from error
    except (PydanticUserError, TypeError, NameError) as error:
        raise BadAnnotationError(f"{annotation!r} cannot be evaluated: {error}") from error
