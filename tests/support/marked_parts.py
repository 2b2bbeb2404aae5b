"""Parts that know which component they are, as those built from a recipe do."""

from __future__ import annotations

from typing import TypeVar

from attnforge_gan.plugin import attnforge_components

from attnforge.build.origin import mark

Part = TypeVar("Part")


def marked(part: Part, kind: str, name: str) -> Part:
    """The part, marked as a component of the plugin of common parts."""
    (component,) = [one for one in attnforge_components() if (one.kind, one.name) == (kind, name)]
    mark(part, component, defaults={})
    return part
