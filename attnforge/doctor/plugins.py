"""Checks plugins."""

from __future__ import annotations

from collections.abc import Iterator

from attnforge.doctor.finding import OK, WARNING, Finding
from attnforge.plugin import PluginCatalogue
from attnforge.plugin.selection import BLOCKED_REASON


def look(plugins: PluginCatalogue) -> Iterator[Finding]:
    """Check each plugin; a disabled one is only a warning, since it may not be needed."""
    for plugin in plugins.plugins:
        if plugin.reason is None:
            count = len(plugin.components)
            declared = "1 component" if count == 1 else f"{count} components"
            text = f"{plugin.distribution} {plugin.version}, {declared}"
            yield Finding("plugins", plugin.name, OK, text)
        else:
            blocked = plugin.reason == BLOCKED_REASON
            step = "" if blocked else f"attnforge plugins check {plugin.name}"
            state = OK if blocked else WARNING
            yield Finding("plugins", plugin.name, state, f"disabled: {plugin.reason}", step)
