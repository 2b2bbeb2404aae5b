"""Checks that the network that generates key points has weights before images are generated with it."""

from __future__ import annotations

from collections.abc import Iterator

from attnforge.errors import Problem
from attnforge.plugin import CheckedRecipe

GENERATOR = "gawwn-keypoints"
TASK = "gawwn-layout"


def untrained_layout(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem where no earlier phase trains the generator's `layout`, and no run gives its weights."""
    generator = recipe.component("generator")
    data = recipe.data()
    phases, pretrained = data["phases"], data["pretrained"]
    if generator is None or generator.name != GENERATOR or not phases or not data["generator"].get("layout"):
        return
    components = (recipe.component(f"phases.{name}.task") for name in phases)
    tasks = [component.name if component else "" for component in components]
    before = tasks[: tasks.index("gan")] if "gan" in tasks else tasks
    if TASK in before or {"generator", "generator.layout"} & pretrained.keys():
        return
    yield Problem(
        "untrained-layout",
        f"the generator `{GENERATOR}` would generate key points with a `layout` of random weights",
        recipe.place("generator"),
        f"a phase with the task `{TASK}` before the task `gan`, or `pretrained: {{generator.layout: RUN}}`",
        f"attnforge train {recipe.name} generator.layout=null",
    )
