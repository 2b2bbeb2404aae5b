"""Declares this plugin's components: StackGAN's two generators, and the task that trains the first."""

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
    }
