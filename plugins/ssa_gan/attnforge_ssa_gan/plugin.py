"""Declares this plugin's component: the generator of SSA-GAN."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the component."""
    return [
        Component(
            kind="generator",
            name="ssa-gan",
            target="attnforge_ssa_gan.generator:SemanticSpatialGenerator",
            summary="one stage of blocks that follow the sentence inside predicted masks; of SSA-GAN",
        )
    ]
