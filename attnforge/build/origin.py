"""Which component a live part was built as, so that weights of an older version can be brought to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from torch import nn

from attnforge.plugin import Component

_MARK = "_attnforge_component"


def mark(part: Any, component: Component, *, defaults: Mapping[type, Component]) -> None:
    """Remember what a part was built as, and what its modules are that nobody marked.

    Args:
        part: A part that was just built.
        component: What it was built as.
        defaults: Components that may have been built inside it without a recipe's doing, by their class.
    """
    _set(part, component)
    for module in part.modules() if isinstance(part, nn.Module) else ():
        if origin(module) is None and type(module) in defaults:
            _set(module, defaults[type(module)])


def origin(part: Any) -> Component | None:
    """The component that a part was built as; None for what no recipe built."""
    found = vars(part).get(_MARK) if hasattr(part, "__dict__") else None
    return found if isinstance(found, Component) else None


def _set(part: Any, component: Component) -> None:
    with suppress(AttributeError):  # slots and frozen classes take no mark; they hold no weights either
        object.__setattr__(part, _MARK, component)
