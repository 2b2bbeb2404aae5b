"""Records which component an object was built from, so that weights of an older version can be migrated."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from torch import nn

from attnforge.plugin import Component

_MARK = "_attnforge_component"


def mark(part: Any, component: Component, *, defaults: Mapping[type, Component]) -> None:
    """Record the component of a part, and those of its modules that were built by default.

    Args:
        part: A part that was just built.
        component: The component it was built from.
        defaults: Components that its constructor may have built by default, by class.
    """
    _set(part, component)
    for module in part.modules() if isinstance(part, nn.Module) else ():
        if origin(module) is None and type(module) in defaults:
            _set(module, defaults[type(module)])


def origin(part: Any) -> Component | None:
    """The component that a part was built from; None if not built from a recipe."""
    component = vars(part).get(_MARK) if hasattr(part, "__dict__") else None
    return component if isinstance(component, Component) else None


def _set(part: Any, component: Component) -> None:
    with suppress(AttributeError):  # classes with slots cannot be marked; they have no weights either
        object.__setattr__(part, _MARK, component)
