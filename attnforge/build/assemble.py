"""Turns a resolved recipe into the recipe's dataclasses, with a builder in every slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnforge.build.builder import Builder
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.options import parameter_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.tree import Choice, Decoded, Named, Section, Several, Value, choices


def assemble(resolved: ResolvedRecipe) -> Recipe:
    """The recipe as Python objects: values are decoded, slots are builders, and nothing is built yet."""
    recipe = live(resolved.tree)
    assert isinstance(recipe, Recipe)  # noqa: S101  (the root of a resolved recipe)
    return recipe


def live(decoded: Decoded) -> Any:
    """A decoded value as a constructor gets it."""
    match decoded:
        case Value():
            return decoded.live
        case Choice():
            defaults = {choice.target: choice.component for choice in choices(decoded) if not choice.written}
            options = _written(decoded.options)
            return Builder(decoded.component, decoded.target, options, _note(decoded), defaults)
        case Section():
            return decoded.target(**_written(decoded.options))
        case Several():
            return decoded.container(live(item) for item in decoded.items)
        case Named():
            return {name: live(item) for name, item in decoded.entries.items()}


def _written(options: Mapping[str, Decoded]) -> dict[str, Any]:
    """Only the options written in the recipe; defaults are left to the constructor."""
    return {parameter_of(name): live(option) for name, option in options.items() if option.written}


def _note(choice: Choice) -> str:
    place = f" at {choice.place}" if choice.place else ""
    component = choice.component
    return f"while building {choice.path}: {component.kind} `{component.name}` of {choice.provider}{place}"
