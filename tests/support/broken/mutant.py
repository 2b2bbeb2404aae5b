"""A component that breaks one promise, and a catalogue that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from attnforge.plugin import Component, PluginCatalogue, hookimpl, load_plugins


@dataclass(frozen=True)
class Mutant:
    """A component with one mistake."""

    check: str
    """The check that must fail."""
    kind: str
    target: type
    also: Mapping[str, str] = field(default_factory=dict)
    """Other checks that necessarily fail, each with the reason."""
    summary: str = "a component that breaks a promise"
    module: str = "broken.quiet_plugin"
    """The plugin's module: it is imported in a fresh interpreter, so it must be a real one."""
    name: str = "broken"
    declared_target: str | None = None
    """The target of its declaration; by default the class itself."""

    def __str__(self) -> str:
        return f"{self.kind}-{self.target.__name__}"

    def catalogue(self) -> PluginCatalogue:
        """A catalogue with a plugin that declares it, and no installed plugins."""
        target = self.declared_target or f"{self.target.__module__}:{self.target.__qualname__}"
        component = Component(self.kind, self.name, target, self.summary)
        plugin = ModuleType(self.module)

        @hookimpl
        def attnforge_components() -> list[Component]:
            return [component]

        vars(plugin)["attnforge_components"] = attnforge_components
        return load_plugins(extra=[("broken", plugin)], installed=False)
