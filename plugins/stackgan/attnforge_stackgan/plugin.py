"""Declares the parts of StackGAN, with the task that trains its first stage, and of StackGAN-v2."""

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
            kind="generator",
            name="stackgan-first",
            target="attnforge_stackgan.first:FirstStage",
            summary="noise and caption to a small image; Stage-I of StackGAN",
        ),
        Component(
            kind="generator",
            name="stackgan-second",
            target="attnforge_stackgan.second:SecondStage",
            summary="the image of a trained generator to one four times as large; Stage-II of StackGAN",
        ),
        Component(
            kind="task",
            name="stackgan-first",
            target="attnforge_stackgan.task:FirstStageTask",
            summary="trains the first stage of `stackgan-second`, before a phase that trains the second",
        ),
        Component(
            kind="stage",
            name="stackgan-v2",
            target="attnforge_stackgan.tree_stage:TreeStage",
            summary="the condition at every pixel, residual blocks, twice the size; of StackGAN-v2",
        ),
        Component(
            kind="loss",
            name="stackgan-v2",
            target="attnforge_stackgan.tree_loss:TreeLoss",
            summary="cross entropies of images alone and with captions; of StackGAN-v2",
        ),
        Component(
            kind="loss",
            name="colour-consistency",
            target="attnforge_stackgan.colour:ColourConsistency",
            summary="keeps the colours of the images of all sizes alike",
        ),
    ]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> list[Problem]:
    """Reject recipes that would train a second stage on a first one with random weights."""
    from .first_weights import untrained_first_stage

    return list(untrained_first_stage(recipe))


@hookimpl
def attnforge_commands() -> dict[str, str]:
    """The official checkpoints, in and out."""
    return {
        "import stackgan": "attnforge_stackgan.official_commands:import_command",
        "export stackgan": "attnforge_stackgan.official_commands:export_command",
        "import stackgan-v2": "attnforge_stackgan.official_commands:import_tree_command",
        "export stackgan-v2": "attnforge_stackgan.official_commands:export_tree_command",
    }
