"""Finds components that need pretrained weights in recipes that name none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnforge.errors import Problem, RecipeError
from attnforge.recipe.resolved import ResolvedRecipe
from attnforge.recipe.tree import Choice, Value, choices

RANDOM = "random"
"""The value of the option, instead of a file, that asks for random weights."""
DIGITS = 64
"""Hex digits of a whole sha256."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of weights that others published, and that an option of a component is meant to name.

    A class lists its files by option: `published: ClassVar = {"weights": (PublishedFile(...),)}`.
    """

    name: str
    origin: str
    """Who published it, such as `torchvision`."""
    sha256: str
    """The digest in hex digits, or its beginning where no more is known."""

    def __str__(self) -> str:
        rest = "" if len(self.sha256) == DIGITS else "..."
        return f"{self.name} of {self.origin} (sha256 {self.sha256}{rest})"


def published_files(resolved: ResolvedRecipe) -> dict[str, Sequence[PublishedFile]]:
    """The published files for each option of a recipe that names a file of weights, by dotted key."""
    return {
        f"{choice.path}.{option}": files
        for choice in choices(resolved.tree)
        for option, files in _published(choice.target).items()
    }


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
                    expected=f"`{choice.path}.{option}`: a file of weights{_such_as(choice, option)}, "
                    f"or `{RANDOM}` for random ones",
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


def _published(target: type) -> Mapping[str, Sequence[PublishedFile]]:
    return getattr(target, "published", {})


def _such_as(choice: Choice, option: str) -> str:
    files = _published(choice.target).get(option)
    return f", such as {files[0]}" if files else ""
