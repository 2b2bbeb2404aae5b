"""Declares this plugin's components: the generator and the discriminator of RAT-GAN."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="generator",
            name="rat-gan",
            target="attnforge_rat_gan.generator:RecurrentAffineGenerator",
            summary="one stage of affine layers that an LSTM connects from noise to image; of RAT-GAN",
        ),
        Component(
            kind="discriminator",
            name="spatial-attention",
            target="attnforge_rat_gan.discriminator:SpatialAttentionDiscriminator",
            summary="one logit for an image with its sentence, which spatial attention places; of RAT-GAN",
        ),
    ]
