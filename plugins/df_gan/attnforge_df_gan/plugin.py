"""Declares this plugin's components: a generator, a discriminator and a loss."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="generator",
            name="df-gan",
            target="attnforge_df_gan.generator:DeepFusionGenerator",
            summary="one stage of deep fusion blocks; noise and sentence scale and shift every map",
        ),
        Component(
            kind="discriminator",
            name="df-gan",
            target="attnforge_df_gan.discriminator:OneWayDiscriminator",
            summary="residual blocks and one logit: real and matching, or not",
        ),
        Component(
            kind="loss",
            name="matching-aware-penalty",
            target="attnforge_df_gan.penalty:MatchingAwarePenalty",
            summary="gradient penalty at real images with their own captions (MA-GP)",
        ),
    ]
