"""Weights of a loss for the image of each stage."""

from __future__ import annotations

from collections.abc import Sequence

from attnforge.errors import Problem, RecipeError


def stage_weights(weights: Sequence[float], sizes: Sequence[int], *, loss: str) -> dict[int, float]:
    """The stages that a loss counts, by index, with their weights; fewer are those of the last stages.

    Args:
        weights: What the recipe has as `stages`.
        sizes: The side of each stage's image in pixels.
        loss: The loss, for the message.

    Raises:
        RecipeError: there are more weights than stages, or none above 0.
    """
    if len(weights) > len(sizes) or not any(weights):
        shown = ", ".join(map(str, sizes))
        given = ", ".join(f"{weight:g}" for weight in weights)
        message = f"the loss `{loss}` has `stages: [{given}]` for images of {shown} pixels"
        expected = f"at most {len(sizes)} weights, that of the last image last, and at least one above 0"
        raise RecipeError(Problem("stage-weights", message, expected=expected))
    first = len(sizes) - len(weights)
    return {first + stage: weight for stage, weight in enumerate(weights) if weight}
