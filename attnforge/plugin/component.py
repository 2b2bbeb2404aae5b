"""The record by which a plugin declares a component: data only, so that listing costs no import."""

from __future__ import annotations

import re
from dataclasses import dataclass

API_VERSION = 2
"""The version of the plugin API; docs/reference/versions.md says what it covers.

Increased when a plugin that worked before may need a change; additions leave it unchanged.
"""

_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Component:
    """One declared component.

    A plugin's entry point names a module whose `attnforge_components` hook returns these. That module
    imports no torch; the component's own module is imported when a recipe names it and not before.
    """

    kind: str
    """One of `attnforge.kinds.KINDS`."""
    name: str
    """Its name in recipes: lower-case words joined by hyphens."""
    target: str
    """Its class: `package.module:Class`."""
    summary: str
    """One line for `attnforge components`."""
    version: int = 1
    """Increased when the same recipe would build something else, or old weights would not fit."""
    migrations: str | None = None
    """Its migrations: `package.module:MIGRATIONS`, a sequence of `Migration`."""

    def __post_init__(self) -> None:
        """Validate the version and the migrations.

        Raises:
            ValueError: one of them is malformed.
        """
        if type(self.version) is not int or self.version < 1:
            raise ValueError(
                f"version {self.version!r} of {self.kind} `{self.name}` is not a positive integer"
            )
        if self.migrations is not None and not _PLACE.fullmatch(self.migrations):
            raise ValueError(
                f"migrations {self.migrations!r} of {self.kind} `{self.name}` are not `module:NAME`"
            )
