"""A callable that builds the component of a slot."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from attnforge.build.origin import mark
from attnforge.interfaces import Build
from attnforge.plugin import Component


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds a component with its options each time it is called; implements `Build`."""

    component: Component
    target: type
    options: Mapping[str, Any]
    """The options written in the recipe; slots among them are builders."""
    note: str
    """A note for exceptions of the constructor: which part of the recipe was built."""
    defaults: Mapping[type, Component] = field(default_factory=dict)
    """The components, by class, that its constructor may build by default."""

    def __call__(self, *spec: Any) -> Any:
        """Build the component: call its constructor with the spec and the recipe's options.

        An exception of the constructor is raised unchanged, with an added note.
        """
        # Each component gets its own lists: one builder builds several discriminators.
        options = {name: copied(option) for name, option in self.options.items()}
        try:
            part = self.target(*spec, **options)
        except Exception as error:
            error.add_note(self.note)
            raise
        mark(part, self.component, defaults=self.defaults)
        return part


def copied(option: Any) -> Any:
    """A copy of a mutable option; builders inside are not copied."""
    match option:
        case Builder():
            return option
        case list() | tuple() if not hasattr(option, "_fields"):
            return type(option)(copied(item) for item in option)
        case dict():
            return {name: copied(item) for name, item in option.items()}
        case set():
            return copy.copy(option)
        case _:
            return option


def class_of(build: Build[Any]) -> Any:
    """The class that a slot builds, whether it was set by a recipe or from Python."""
    match build:
        case Builder():
            return build.target
        case partial():
            return build.func
        case _:
            return build
