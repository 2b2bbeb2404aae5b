"""Declares GAWWN's generators and discriminators, and the task that trains its generator of key points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.plugin import CheckedRecipe

_PACKAGE = "attnforge_gawwn"


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="generator",
            name="gawwn-box",
            target=f"{_PACKAGE}.box_generator:BoxGenerator",
            summary="noise, sentence and box to an image whose object lies in the box",
        ),
        Component(
            kind="discriminator",
            name="gawwn-box",
            target=f"{_PACKAGE}.box_discriminator:BoxDiscriminator",
            summary="one logit for an image with its sentence and box",
        ),
        Component(
            kind="generator",
            name="gawwn-keypoints",
            target=f"{_PACKAGE}.keypoint_generator:KeypointGenerator",
            summary="noise, sentence and key points to an image whose parts lie there",
        ),
        Component(
            kind="discriminator",
            name="gawwn-keypoints",
            target=f"{_PACKAGE}.keypoint_discriminator:KeypointDiscriminator",
            summary="one logit for an image with its sentence and key points",
        ),
        Component(
            kind="task",
            name="gawwn-layout",
            target=f"{_PACKAGE}.layout_task:LayoutTask",
            summary="trains the network that generates key points for a caption",
        ),
    ]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> list[Problem]:
    """Reject recipes that would generate key points with random weights."""
    from .layout_weights import untrained_layout

    return list(untrained_layout(recipe))
