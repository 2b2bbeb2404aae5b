"""What is known after plugins were loaded: each plugin with its state, the components, the hooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pluggy

from attnforge.plugin.component import Component
from attnforge.plugin.hooks import Hooks
from attnforge.plugin.registry import Registry


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin and what became of it."""

    name: str
    """The name of its entry point."""
    module: str
    distribution: str
    """The package that installed it."""
    version: str
    """The version of that package."""
    reason: str | None = None
    """Why it was set aside; None when it is loaded."""
    components: tuple[Component, ...] = ()
    recipes: tuple[Path, ...] = ()
    """Folders of recipes."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Places of click commands by name."""

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"

    @property
    def state(self) -> str:
        """`loaded` or `set aside`."""
        return "loaded" if self.reason is None else "set aside"


@dataclass(frozen=True, slots=True)
class PluginCatalogue:
    """Every plugin that was found, with what the loaded ones declare."""

    plugins: tuple[Plugin, ...]
    registry: Registry
    manager: pluggy.PluginManager
    hooks: Hooks = field(init=False)
    """Calls a hook of all loaded plugins: `catalogue.hooks.call("attnforge_report_sections", run=...)`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hooks", Hooks([self.manager]))

    def owner(self, component: Component) -> Plugin:
        """The plugin that declares a component."""
        return next(plugin for plugin in self.plugins if component in plugin.components and not plugin.reason)
