"""The budget of a sweep's runs: what each may take, and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from attnforge.build import assemble
from attnforge.errors import DataError, Place, Problem
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.node import Map, Node, plain
from attnforge.run.meta import meta_parts
from attnforge.run.pretrained import phases_to_train
from attnforge.storage.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Limits:
    """What each run may take at most; None for no limit."""

    minutes: float | None = None
    steps: int | None = None
    parameters: int | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run has taken so far."""

    steps: dict[str, int]
    """Steps of each phase that it has trained."""
    minutes: float
    """Minutes of training, without pauses."""


def limits_of(node: Node | None) -> Limits | None:
    """The limits of a `budget:` section; None if there is none."""
    if not isinstance(node, Map):
        return None
    values = cast("dict[str, Any]", plain(node))
    return Limits(values.get("minutes"), values.get("steps"), values.get("parameters"))


def parameters_of(resolved: ResolvedRecipe) -> int | None:
    """Parameters of a recipe's generator; None if it has none, or missing data determines its shape."""
    try:
        generator = meta_parts(assemble(resolved)).generator
    except DataError:
        return None
    if not isinstance(generator, nn.Module):
        return None
    return sum(weight.numel() for weight in generator.parameters())


def excesses(
    limits: Limits, resolved: ResolvedRecipe, parameters: int | None, *, label: str, place: Place
) -> list[Problem]:
    """What a recipe takes beyond the limits, as far as it is known before training.

    Args:
        limits: The limits.
        resolved: The recipe of a run, with the paths of shared encoders, whose phases it skips.
        parameters: Parameters of its generator, where known.
        label: The run's configuration.
        place: Where that is written.
    """
    recipe = assemble(resolved)
    steps = sum(recipe.phases[name].steps or 0 for name in phases_to_train(recipe)[0])
    counts = (("steps", steps, limits.steps), ("parameters", parameters, limits.parameters))
    return [
        Problem(
            "over-budget",
            f"`{label}` has {count:,} {name}, more than the {limit:,} of the budget",
            place,
            f"at most {limit:,}, or a larger budget",
        )
        for name, count, limit in counts
        if count is not None and limit is not None and count > limit
    ]


def costs_of(run: RunFolder) -> Costs:
    """What a run has taken so far, by its scalars."""
    steps: dict[str, int] = {}
    seconds = 0.0
    for row in run.scalars():
        steps[str(row["phase"])] = int(row["step"])
        seconds = float(row["seconds"])
    return Costs(steps, seconds / 60)
