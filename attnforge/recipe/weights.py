"""Finds components that need pretrained weights in recipes that name none."""

from __future__ import annotations

from attnforge.errors import Problem, RecipeError
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import Choice, Value, choices

RANDOM = "random"
"""The value of the option, instead of a file, that asks for random weights."""


def random_weights(resolved: ResolvedRecipe) -> list[Problem]:
    """A problem for each component that needs pretrained weights without a file for them.

    A class names the option for the file in a class attribute: `pretrained: ClassVar[str] = "weights"`.
    """
    problems = []
    for choice in choices(resolved.tree):
        option = _missing_weights(choice)
        if option is not None:
            what = f"{choice.component.kind} `{choice.component.name}`"
            problems.append(
                Problem(
                    code="random-weights",
                    message=f"{what} needs pretrained weights, but `{choice.path}.{option}` is not set; "
                    "it would start from random ones",
                    place=choice.place,
                    expected=f"`{choice.path}.{option}`: a file of weights, or `{RANDOM}` for random ones",
                    next_step=f"attnforge train {resolved.name} {choice.path}.{option}=FILE",
                )
            )
    return problems


def refuse_random_weights(resolved: ResolvedRecipe) -> None:
    """Refuse to train random weights where pretrained ones are needed.

    Raises:
        RecipeError: a component needs pretrained weights and the recipe names none.
    """
    if problems := random_weights(resolved):
        raise RecipeError(problems)


def _missing_weights(choice: Choice) -> str | None:
    option = getattr(choice.target, "pretrained", None)
    if not isinstance(option, str):
        return None
    value = choice.options.get(option)
    return option if isinstance(value, Value) and value.plain is None else None
