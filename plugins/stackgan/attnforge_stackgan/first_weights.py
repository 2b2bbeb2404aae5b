"""Checks that the first stage has weights by the time that the second is trained."""

from __future__ import annotations

from collections.abc import Iterator

from attnforge.errors import Problem
from attnforge.plugin import CheckedRecipe

SECOND = "stackgan-second"
FIRST_TASK = "stackgan-first"


def untrained_first_stage(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem where no phase trains the first stage and no run or file gives its weights."""
    generator = recipe.component("generator")
    data = recipe.data()
    phases, pretrained = data["phases"], data["pretrained"]
    if generator is None or generator.name != SECOND or not phases:
        return
    tasks = [recipe.component(f"phases.{name}.task") for name in phases]
    if any(task is not None and task.name == FIRST_TASK for task in tasks):
        return
    if {"generator", "generator.first"} & pretrained.keys():
        return
    yield Problem(
        "untrained-first-stage",
        f"the generator `{SECOND}` would be trained on a first stage with random weights",
        recipe.place("generator"),
        f"a phase with the task `{FIRST_TASK}` before, or `pretrained: {{generator.first: RUN}}`",
        f"attnforge train {recipe.name} 'pretrained={{generator.first: RUN}}'",
    )
