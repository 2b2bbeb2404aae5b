"""One plugin: what it declares, and whether it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attnforge.plugin.component import Component

IN_PYTHON = "python"
"""The name and distribution of the plugin that stands for classes declared by `attnforge.component`."""


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
