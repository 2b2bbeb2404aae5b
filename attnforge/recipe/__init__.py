"""Recipes: YAML with positions, parents and overrides, decoded against constructors.

Nothing here imports torch before `resolve` is called.
"""

from attnforge.recipe.compose import ComposedRecipe, compose
from attnforge.recipe.library import RecipeFile, library
from attnforge.recipe.resolve import resolve
from attnforge.recipe.resolved import ResolvedRecipe

__all__ = ["ComposedRecipe", "RecipeFile", "ResolvedRecipe", "compose", "library", "resolve"]
