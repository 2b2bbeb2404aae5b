"""Slots for children: how a component declares in its constructor that it has parts of its own."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, runtime_checkable

Part = TypeVar("Part", covariant=True)


@runtime_checkable
class Build(Protocol[Part]):
    """A slot for a child: a parent annotates a parameter `Build[Attention]` and calls it with a spec.

    In a recipe the slot is a component's name or a map with `use:`. From Python it is a class or a
    `functools.partial` of one.
    """

    # The only signature that type checkers accept every constructor for.
    def __call__(self, *args: Any, **kwargs: Any) -> Part: ...
