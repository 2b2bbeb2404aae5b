"""Checks that every kernel that a recipe names exists."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from attnforge.errors import AttnforgeError, Problem
from attnforge.plugin import CheckedRecipe

OPERATIONS = {
    ("attention", "word"): "word_attention",
    ("loss", "damsm"): "region_matching",
    ("task", "damsm"): "region_matching",
}
"""The operation whose kernel the option `kernel` of a component selects."""


def unknown_kernels(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem for every option `kernel` with an unknown name; availability is checked at run time."""
    from attnforge.kernels.dispatch import AUTO, find

    for use in recipe.components():
        package = OPERATIONS.get((use.component.kind, use.component.name))
        kernel = use.options.get("kernel", AUTO)
        if package is None or kernel == AUTO:
            continue
        operation = import_module(f"attnforge.kernels.{package}").OPERATION
        path = f"{use.path}.kernel"
        try:
            find(operation.name, operation.kernels, kernel, place=recipe.place(path))
        except AttnforgeError as error:
            yield from error.problems
