"""Checks `training.keep_best`: the metric must exist, have a direction, and be measured during training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnforge.errors import Place, Problem, nearest
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import Choice, choices

if TYPE_CHECKING:
    from attnforge.optional import Better

KEY = "training.keep_best"


def better_of(resolved: ResolvedRecipe, metric: str) -> Better | None:
    """Which values of a recipe's metric are better; None where its class does not say, or without it."""
    choice = _metric(resolved, metric)
    better: Better | None = getattr(choice.target, "better", None) if choice is not None else None
    return better if better in ("higher", "lower") else None


def keep_best_problems(resolved: ResolvedRecipe) -> list[Problem]:
    """Why no checkpoint can be the best by the metric that the recipe names."""
    data = resolved.data()
    metric = data["training"]["keep_best"]
    if metric is None:
        return []
    place = resolved.place(KEY)
    names = list(data["evaluation"]["metrics"])
    if metric not in names:
        return [_unknown(metric, names, place)]
    choice = _metric(resolved, metric)
    if choice is None or better_of(resolved, metric) is None:
        component = metric if choice is None else choice.component.name
        message = f"the metric `{component}` does not declare whether higher or lower values are better"
        expected = "a metric whose class has `better: ClassVar[Better]`, such as `r-precision`"
        return [Problem("keep-best", message, place, expected, "attnforge explain metric")]
    if not data["evaluation"]["every"]:
        message = f"`{KEY}` needs measurements during training, but `evaluation.every` is 0"
        expected = "`evaluation.every`: the number of steps between measurements"
        return [Problem("keep-best", message, place, expected)]
    return []


def _metric(resolved: ResolvedRecipe, name: str) -> Choice | None:
    path = f"evaluation.metrics.{name}"
    return next((choice for choice in choices(resolved.tree) if choice.path == path), None)


def _unknown(metric: str, names: list[str], place: Place) -> Problem:
    known = f"one of {', '.join(names)}" if names else "a metric in `evaluation.metrics`, which has none"
    close = nearest(metric, names)
    expected = f"`{close}`; {known}" if close else known
    return Problem("keep-best", f"the recipe has no metric `{metric}` for `{KEY}`", place, expected)
