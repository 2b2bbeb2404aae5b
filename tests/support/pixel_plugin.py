"""A plugin that brings the feature network `pixels`."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """The network."""
    return [Component("feature-network", "pixels", "pixel_features:Pixels", "mean colours of regions")]
