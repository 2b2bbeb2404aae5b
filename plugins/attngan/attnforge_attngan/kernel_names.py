"""Checks that every kernel that a recipe names exists."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attnforge.errors import AttnforgeError, Problem

if TYPE_CHECKING:
    from attnforge.recipe.resolved import ResolvedRecipe

OPERATIONS = {
    ("attention", "word"): "word_attention",
    ("loss", "damsm"): "region_matching",
    ("task", "damsm"): "region_matching",
}
"""The operation whose kernel the option `kernel` of a component selects."""


def unknown_kernels(recipe: ResolvedRecipe) -> Iterator[Problem]:
    """A problem for every option `kernel` with an unknown name; availability is checked at run time."""
    from attnforge.kernels.dispatch import AUTO, find
    from attnforge.recipe.tree import choices

    for choice in choices(recipe.tree):
        package = OPERATIONS.get((choice.component.kind, choice.component.name))
        kernel: Any = getattr(choice.options.get("kernel"), "live", AUTO)
        if package is None or kernel == AUTO:
            continue
        operation = import_module(f"attnforge.kernels.{package}").OPERATION
        path = f"{choice.path}.kernel"
        try:
            find(operation.name, operation.kernels, kernel, place=recipe.place(path))
        except AttnforgeError as error:
            yield from error.problems
