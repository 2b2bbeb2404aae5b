"""Refuses recipes that would train a denoiser for a generator with random weights."""

from __future__ import annotations

from collections.abc import Iterator

from attnforge.errors import Problem
from attnforge.plugin import CheckedRecipe

TASK = "denoiser"


def untrained_generator(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem where a phase trains a denoiser and no run or file gives the generator's weights.

    A phase of the same recipe that trains the generator does not help: the next phase gets its last weights,
    and images are sampled with the average.
    """
    data = recipe.data()
    if "generator" in data["pretrained"]:
        return
    for name in data["phases"]:
        task = recipe.component(f"phases.{name}.task")
        if task is not None and task.name == TASK:
            yield Problem(
                "untrained-generator",
                "the task `denoiser` would read the codes of a generator that is not of a trained run",
                recipe.place(f"phases.{name}.task"),
                "`pretrained: {encoders: RUN, generator: RUN}`",
                f"attnforge train {recipe.name} 'pretrained={{encoders: RUN, generator: RUN}}'",
            )
