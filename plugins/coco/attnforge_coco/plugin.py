"""Declares this plugin's component: the photographs of COCO with their captions."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the component."""
    return [
        Component(
            kind="dataset",
            name="coco",
            target="attnforge_coco.dataset:Coco",
            summary="COCO photographs with captions, from its json files or AttnGAN's release",
        )
    ]
