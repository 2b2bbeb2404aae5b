"""Declares this plugin's components: R3GAN's losses and networks."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl

_COMPONENTS = (
    (
        "generator",
        "r3gan",
        "generator:R3GANGenerator",
        "residual blocks without normalisation, one image; of R3GAN",
    ),
    (
        "discriminator",
        "r3gan",
        "discriminator:R3GANDiscriminator",
        "residual blocks without normalisation, a scalar product with the sentence",
    ),
    (
        "loss",
        "relativistic",
        "relativistic:RelativisticLoss",
        "pairs a real and a generated image of the same caption; of R3GAN",
    ),
    (
        "loss",
        "zero-centred",
        "zero_centred:ZeroCentredPenalty",
        "gradient penalties R1 at real and R2 at generated images",
    ),
)


@hookimpl
def attnforge_components() -> list[Component]:
    """The parts of R3GAN (Huang et al., NeurIPS 2024)."""
    return [
        Component(kind, name, f"attnforge_r3gan.{target}", summary)
        for kind, name, target, summary in _COMPONENTS
    ]
