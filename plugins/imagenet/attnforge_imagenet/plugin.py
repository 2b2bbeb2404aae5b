"""Declares this plugin's components; imports neither torch nor timm."""

from __future__ import annotations

from pathlib import Path

from attnforge.plugin import Component, hookimpl

SIZES = ("lite0", "lite1", "lite2")


@hookimpl
def attnforge_components() -> list[Component]:
    """EfficientNet-Lite as feature networks and image encoder, and inside a discriminator and a loss."""
    networks = [
        Component(
            "feature-network",
            f"efficientnet-{size}",
            f"attnforge_imagenet.features:EfficientNet{size.capitalize()}",
            f"EfficientNet-{size.capitalize()} of ImageNet, whose weights a package carries",
        )
        for size in SIZES
    ]
    encoder = Component(
        "image-encoder",
        "efficientnet",
        "attnforge_imagenet.encoder:EfficientNetEncoder",
        "EfficientNet-Lite of ImageNet, frozen or fine-tuned",
    )
    discriminator = Component(
        "discriminator",
        "projected",
        "attnforge_imagenet.projected:ProjectedDiscriminator",
        "classifies frozen features of EfficientNet-Lite at four scales",
    )
    perceptual = Component(
        "loss",
        "perceptual",
        "attnforge_imagenet.perceptual:PerceptualLoss",
        "distance of frozen features and of pixels to the real image of a caption",
    )
    return [*networks, encoder, discriminator, perceptual]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The quickstart for a folder of images, with features of ImageNet."""
    return [Path(__file__).parent / "recipes"]
