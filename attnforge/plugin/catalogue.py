"""The result of loading plugins: all of them, their components and their hooks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pluggy

from attnforge.plugin.component import Component
from attnforge.plugin.hooks import Hooks
from attnforge.plugin.plugin import Plugin
from attnforge.plugin.registry import Registry


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
