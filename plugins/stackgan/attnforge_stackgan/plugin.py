"""Declares this plugin's components: StackGAN's two generators, and the task that trains the first."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl


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
