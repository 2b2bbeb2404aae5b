"""Declares this plugin's component: the birds of CUB-200-2011 as AttnGAN's release lays them out."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the component."""
    return [
        Component(
            kind="dataset",
            name="cub",
            target="attnforge_cub.dataset:Cub",
            summary="CUB-200-2011 birds with captions, as AttnGAN's release lays them out",
        )
    ]
