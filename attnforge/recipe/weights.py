"""Components that are of no use without pretrained weights, in recipes that name none."""

from __future__ import annotations

from attnforge.errors import Problem, RecipeError
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import Choice, Value, choices

RANDOM = "random"
"""What the option says instead of a file when random weights are meant."""


def random_weights(resolved: ResolvedRecipe) -> list[Problem]:
    """A problem for each component whose `pretrained` option names no file.

    A class says which option that is by a class attribute: `pretrained: ClassVar[str] = "weights"`.
    """
    problems = []
    for choice in choices(resolved.tree):
        option = _unnamed(choice)
        if option is not None:
            what = f"{choice.component.kind} `{choice.component.name}`"
            problems.append(
                Problem(
                    code="random-weights",
                    message=f"{what} is made to start from pretrained weights, and `{choice.path}.{option}` "
                    "names none, so it would be random",
                    place=choice.place,
                    expected=f"`{choice.path}.{option}`: a file of weights, or `{RANDOM}` for random ones",
                    next_step=f"attnforge train {resolved.name} {choice.path}.{option}=FILE",
                )
            )
    return problems


def refuse_random_weights(resolved: ResolvedRecipe) -> None:
    """Refuse to train on random weights where pretrained ones are needed.

    Raises:
        RecipeError: a component needs pretrained weights and the recipe names none.
    """
    if problems := random_weights(resolved):
        raise RecipeError(problems)


def _unnamed(choice: Choice) -> str | None:
    option = getattr(choice.target, "pretrained", None)
    if not isinstance(option, str):
        return None
    value = choice.options.get(option)
    return option if isinstance(value, Value) and value.plain is None else None
