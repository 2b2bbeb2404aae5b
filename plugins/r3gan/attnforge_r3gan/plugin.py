"""Declares this plugin's components: R3GAN's losses and networks."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl

_PACKAGE = "attnforge_r3gan"


@hookimpl
def attnforge_components() -> list[Component]:
    """The parts of R3GAN (Huang et al., NeurIPS 2024)."""
    return [
        Component(
            "generator",
            "r3gan",
            f"{_PACKAGE}.generator:R3GANGenerator",
            "residual blocks without normalisation, one image; of R3GAN",
        ),
        Component(
            "discriminator",
            "r3gan",
            f"{_PACKAGE}.discriminator:R3GANDiscriminator",
            "residual blocks without normalisation, a scalar product with the sentence",
        ),
        Component(
            "loss",
            "relativistic",
            f"{_PACKAGE}.relativistic:RelativisticLoss",
            "pairs a real and a generated image of the same caption; of R3GAN",
        ),
        Component(
            "loss",
            "zero-centred",
            f"{_PACKAGE}.zero_centred:ZeroCentredPenalty",
            "gradient penalties R1 at real and R2 at generated images",
            2,
            f"{_PACKAGE}.migrations:ZERO_CENTRED",
        ),
    ]
