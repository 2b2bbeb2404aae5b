"""Declares this plugin's component: the generator of RAT-GAN."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the component."""
    return [
        Component(
            kind="generator",
            name="rat-gan",
            target="attnforge_rat_gan.generator:RecurrentAffineGenerator",
            summary="one stage of affine layers that an LSTM connects from noise to image; of RAT-GAN",
        )
    ]
