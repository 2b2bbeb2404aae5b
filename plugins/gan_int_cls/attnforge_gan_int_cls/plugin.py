"""Declares this plugin's components: a generator, a discriminator and a loss."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl

_PACKAGE = "attnforge_gan_int_cls"


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="generator",
            name="gan-int-cls",
            target=f"{_PACKAGE}.generator:DeepConvolutionalGenerator",
            summary="noise and sentence to 64 x 64 pixels by transposed convolutions",
        ),
        Component(
            kind="discriminator",
            name="gan-int-cls",
            target=f"{_PACKAGE}.discriminator:MatchingAwareDiscriminator",
            summary="strided convolutions and one logit: real and matching, or not",
        ),
        Component(
            kind="loss",
            name="matching-aware",
            target=f"{_PACKAGE}.losses:MatchingAwareLoss",
            summary="cross entropy of real, mismatched and fake pairs, with interpolated sentences",
        ),
    ]
