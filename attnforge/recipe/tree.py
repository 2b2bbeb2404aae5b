"""A decoded recipe: values have their types, slots their components, and nothing is built yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from attnforge.errors import Place
from attnforge.plugin import Component


class Unwritable(Enum):
    """Stands for a default that YAML cannot express, such as a function."""

    UNWRITABLE = "unwritable"


UNWRITABLE = Unwritable.UNWRITABLE


@dataclass(frozen=True, slots=True)
class Value:
    """A value that pydantic decoded, or null."""

    live: Any
    plain: Any
    """The same as YAML data, or `UNWRITABLE`."""
    written: bool
    """Whether it is written in the recipe; otherwise it is a default."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The component of a slot with its options."""

    component: Component
    provider: str
    """The plugin that declares the component, with its distribution and version."""
    target: type
    options: Mapping[str, Decoded]
    path: str
    """The slot's dotted path in the recipe."""
    place: Place | None
    written: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A dataclass with its fields."""

    target: type
    options: Mapping[str, Decoded]
    written: bool


@dataclass(frozen=True, slots=True)
class Several:
    """A list or tuple."""

    items: tuple[Decoded, ...]
    container: type[list[Any]] | type[tuple[Any, ...]]
    written: bool


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping."""

    entries: Mapping[str, Decoded]
    written: bool


Decoded = Value | Choice | Section | Several | Named


def frozen(decoded: Decoded, *, pinned: bool = False) -> Any:
    """Plain data with every default filled in; `UNWRITABLE` for a default that YAML cannot express.

    Args:
        decoded: What to freeze.
        pinned: Whether to name components with their version, as in `word@1`.
    """
    match decoded:
        case Value():
            return decoded.plain
        case Choice():
            version = f"@{decoded.component.version}" if pinned else ""
            options = _frozen_options(decoded.options, pinned=pinned)
            name = decoded.component.name + version
            return {"use": name, **options} if options else name
        case Section():
            return _frozen_options(decoded.options, pinned=pinned)
        case Several():
            return [frozen(item, pinned=pinned) for item in decoded.items]
        case Named():
            return {name: frozen(item, pinned=pinned) for name, item in decoded.entries.items()}


def choices(decoded: Decoded) -> list[Choice]:
    """Every choice in a decoded recipe, outer ones first."""
    match decoded:
        case Value():
            return []
        case Choice():
            return [decoded, *(choice for option in decoded.options.values() for choice in choices(option))]
        case Section():
            return [choice for option in decoded.options.values() for choice in choices(option)]
        case Several():
            return [choice for item in decoded.items for choice in choices(item)]
        case Named():
            return [choice for item in decoded.entries.values() for choice in choices(item)]


def _frozen_options(options: Mapping[str, Decoded], *, pinned: bool) -> dict[str, Any]:
    data = {name: frozen(option, pinned=pinned) for name, option in options.items()}
    return {name: value for name, value in data.items() if value is not UNWRITABLE}
