"""A recipe as hooks see it, without the machinery that reads recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from attnforge.errors import Place
from attnforge.plugin.component import Component


@dataclass(frozen=True, slots=True)
class ComponentUse:
    """A component where a recipe uses it."""

    path: str
    """Dotted path of its slot, such as `generator.stages.1.attention`."""
    component: Component
    options: Mapping[str, Any]
    """Its options with every default filled in, as plain data."""


@runtime_checkable
class CheckedRecipe(Protocol):
    """A recipe that was read and decoded; `attnforge.recipe.ResolvedRecipe` is one."""

    @property
    def name(self) -> str:
        """The name of the recipe."""
        ...

    def data(self) -> dict[str, Any]:
        """The recipe with every default filled in, as plain data."""
        ...

    def get(self, path: str) -> object:
        """The written value at a dotted path such as `data.use`, or None; ignores defaults."""
        ...

    def component(self, path: str) -> Component | None:
        """The component of the slot at a dotted path, or None."""
        ...

    def components(self) -> Iterator[ComponentUse]:
        """Every component that the recipe uses, those inside others after them."""
        ...

    def place(self, path: str) -> Place:
        """Where the value at a dotted path is written."""
        ...
