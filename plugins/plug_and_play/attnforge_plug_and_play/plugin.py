"""Declares the sampler that searches, and the task that trains its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.plugin import CheckedRecipe


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="sampler",
            name="plug-and-play",
            target="attnforge_plug_and_play.sampler:PlugAndPlaySampler",
            summary="moves noise and condition to where a scorer prefers the image; of PPGN",
        ),
        Component(
            kind="task",
            name="denoiser",
            target="attnforge_plug_and_play.task:DenoiserTask",
            summary="trains a network that reads a trained generator's code from its image",
        ),
    ]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> list[Problem]:
    """Reject recipes that would train a denoiser for a generator with random weights."""
    from .generator_weights import untrained_generator

    return list(untrained_generator(recipe))
