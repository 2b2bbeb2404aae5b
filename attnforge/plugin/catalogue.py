"""The result of loading plugins: each plugin with its state, the components, the hooks."""

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
    """One plugin and its state."""

    name: str
    """The name of its entry point."""
    module: str
    distribution: str
    """The package that installed it."""
    version: str
    """The version of that package."""
    reason: str | None = None
    """Why it is disabled; None when it is loaded."""
    components: tuple[Component, ...] = ()
    recipes: tuple[Path, ...] = ()
    """Folders of recipes."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Targets `module:command` of click commands, by name."""

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"

    @property
    def state(self) -> str:
        """`loaded` or `disabled`."""
        return "loaded" if self.reason is None else "disabled"


@dataclass(frozen=True, slots=True)
class PluginCatalogue:
    """Every discovered plugin, and what the loaded ones declare."""

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
