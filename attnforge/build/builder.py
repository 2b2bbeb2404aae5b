"""A slot of a recipe made callable."""

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
    """Builds one component with its options as often as it is called; it satisfies `Build`."""

    component: Component
    target: type
    options: Mapping[str, Any]
    """The options that the recipe gives; slots among them are builders."""
    note: str
    """What an exception of the component is told about where it rose."""
    defaults: Mapping[type, Component] = field(default_factory=dict)
    """The components, by class, that its constructor may build by itself."""

    def __call__(self, *spec: Any) -> Any:
        """The component, its constructor called with the spec and the recipe's options.

        An exception of the constructor goes through with its traceback and gains a note.
        """
        # Each component gets lists of its own: discriminators are built several times by one builder.
        options = {name: own(option) for name, option in self.options.items()}
        try:
            part = self.target(*spec, **options)
        except Exception as error:
            error.add_note(self.note)
            raise
        mark(part, self.component, defaults=self.defaults)
        return part


def own(option: Any) -> Any:
    """A copy of a mutable option; builders inside stay as they are."""
    match option:
        case Builder():
            return option
        case list() | tuple() if not hasattr(option, "_fields"):
            return type(option)(own(item) for item in option)
        case dict():
            return {name: own(item) for name, item in option.items()}
        case set():
            return copy.copy(option)
        case _:
            return option


def class_of(build: Build[Any]) -> Any:
    """The class that a slot builds, whether it was filled by a recipe or from Python."""
    match build:
        case Builder():
            return build.target
        case partial():
            return build.func
        case _:
            return build
