"""Finds options that are valid alone, and have no effect or a harmful one together."""

from __future__ import annotations

from collections.abc import Iterator

from attnforge.errors import Problem
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import Choice, Value, choices

MOVING = {"flip": "mirrors half of the training images", "crop": "shifts training images at random"}
"""Options of data sets that move images, by name, and what they do where they are true."""


def clashes(resolved: ResolvedRecipe) -> list[Problem]:
    """A problem for each such pair of options."""
    return [*_chosen_classes(resolved), *_moving_images(resolved)]


def _chosen_classes(resolved: ResolvedRecipe) -> Iterator[Problem]:
    """Tasks with the class attribute `distinct_classes` choose the classes of a batch themselves."""
    used = {choice.path: choice for choice in choices(resolved.tree)}
    for name, phase in resolved.data()["phases"].items():
        task = used.get(f"phases.{name}.task")
        if task is None or not phase["class_balance"] or not getattr(task.target, "distinct_classes", False):
            continue
        key = f"phases.{name}.class_balance"
        yield Problem(
            "no-effect",
            f"`{key}` has no effect: the task `{task.component.name}` chooses the classes of each batch",
            resolved.place(key),
            "0, or another task",
            f"attnforge train RECIPE {key}=0",
        )


def _moving_images(resolved: ResolvedRecipe) -> Iterator[Problem]:
    """Components that need images as they are; see `attnforge.optional.NeedsStillImages`."""
    used = choices(resolved.tree)
    data = next((choice for choice in used if choice.path == "data"), None)
    needing = [choice.component for choice in used if getattr(choice.target, "needs_still_images", False)]
    if data is None or not needing:
        return
    names = " and ".join(dict.fromkeys(f"{one.kind} `{one.name}`" for one in needing))
    pulling = "pulls" if len(needing) == 1 else "pull"
    for option, what in MOVING.items():
        if _is_true(data, option):
            yield Problem(
                "moving-images",
                f"{names} {pulling} each image to the real one of its caption, and `data.{option}` {what}, "
                "so the generator would learn their average",
                resolved.place(f"data.{option}"),
                "data: {crop: false, flip: false}",
                f"attnforge train RECIPE data.{option}=false",
            )


def _is_true(data: Choice, option: str) -> bool:
    value = data.options.get(option)
    return isinstance(value, Value) and value.live is True
